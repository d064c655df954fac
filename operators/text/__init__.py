"""Words of titles and queries in all scripts: searches, and how alike texts are."""
