"""Words of titles and queries: tokenizer, inverted index, cosines."""
