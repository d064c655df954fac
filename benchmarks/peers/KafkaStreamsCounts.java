import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Peer: the per-user update in Kafka Streams. Clicks are decoded by Jackson; states lie in RocksDB behind the record cache,
 * with a changelog topic. Choices are in its favour: processor API instead of the DSL, a cache that holds every user.
 *
 * <p>With an output topic it writes a record for every event, as soon as it can (linger 0): trigger, count, recent items.
 *
 * <p>Usage: KafkaStreamsCounts BROKERS APPLICATION_ID TOPIC[,TOPIC...] FOLDER json|binary (how states are stored) [OUTPUT]
 */
public final class KafkaStreamsCounts {
    private static final int RECENT = 50;
    private static final ObjectMapper JSON =
            new ObjectMapper().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);

    /** A click as it travels; of other events what they have in common with it. */
    public static final class Click {
        public String event_id, user_id, occurred_at, item_id, action, session_id, locale;
        public int position;
    }

    /** The event that a record answers. */
    public record Trigger(String event_id) {}

    /** A record for an event. */
    public record Answer(String user_id, Trigger trigger, int count, ArrayDeque<String> recent) {}

    /** What is kept of a user. */
    public static final class User {
        public int count;
        public Map<String, Integer> actions = new HashMap<>(4);
        public ArrayDeque<String> recent = new ArrayDeque<>(RECENT + 1);

        void add(Click click) {
            count++;
            actions.merge(click.action == null ? "other" : click.action, 1, Integer::sum);
            if (click.item_id == null) { // a search
                return;
            }
            recent.addLast(click.item_id);
            if (recent.size() > RECENT) {
                recent.removeFirst();
            }
        }
    }

    static final class Counter implements Processor<String, Click, String, Answer> {
        private final boolean answers;
        private ProcessorContext<String, Answer> context;
        private KeyValueStore<String, User> users;

        Counter(boolean answers) {
            this.answers = answers;
        }

        @Override
        public void init(ProcessorContext<String, Answer> context) {
            this.context = context;
            users = context.getStateStore("users");
        }

        @Override
        public void process(Record<String, Click> record) {
            User user = users.get(record.key());
            if (user == null) {
                user = new User();
            }
            user.add(record.value());
            users.put(record.key(), user);
            if (answers) {
                Trigger trigger = new Trigger(record.value().event_id);
                context.forward(record.withValue(new Answer(record.key(), trigger, user.count, user.recent)));
            }
        }
    }

    private static <T> Serde<T> json(Class<T> type) {
        ObjectReader reader = JSON.readerFor(type);
        ObjectWriter writer = JSON.writerFor(type);
        return Serdes.serdeFrom(
                (topic, value) -> {
                    try {
                        return value == null ? null : writer.writeValueAsBytes(value);
                    } catch (IOException error) {
                        throw new UncheckedIOException(error);
                    }
                },
                (topic, bytes) -> {
                    try {
                        return bytes == null ? null : reader.readValue(bytes);
                    } catch (IOException error) {
                        throw new UncheckedIOException(error);
                    }
                });
    }

    /** Lengths and UTF-8: what a hand-written format costs. */
    private static Serde<User> binary() {
        ThreadLocal<ByteBuffer> scratch = ThreadLocal.withInitial(() -> ByteBuffer.allocate(1 << 16));
        return Serdes.serdeFrom(
                (topic, user) -> {
                    if (user == null) {
                        return null;
                    }
                    ByteBuffer out = scratch.get().clear();
                    out.putInt(user.count).putShort((short) user.actions.size());
                    user.actions.forEach((action, times) -> put(out, action).putInt(times));
                    out.putShort((short) user.recent.size());
                    user.recent.forEach(item -> put(out, item));
                    return Arrays.copyOf(out.array(), out.position());
                },
                (topic, bytes) -> {
                    if (bytes == null) {
                        return null;
                    }
                    ByteBuffer in = ByteBuffer.wrap(bytes);
                    User user = new User();
                    user.count = in.getInt();
                    for (int left = in.getShort(); left > 0; left--) {
                        user.actions.put(text(in), in.getInt());
                    }
                    for (int left = in.getShort(); left > 0; left--) {
                        user.recent.addLast(text(in));
                    }
                    return user;
                });
    }

    private static ByteBuffer put(ByteBuffer out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return out.putShort((short) bytes.length).put(bytes);
    }

    private static String text(ByteBuffer in) {
        int length = in.getShort();
        String text = new String(in.array(), in.position(), length, StandardCharsets.UTF_8);
        in.position(in.position() + length);
        return text;
    }

    public static void main(String[] arguments) throws InterruptedException {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[3]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 5000);

        boolean answers = arguments.length > 5;
        if (answers) {
            settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 0);
        }

        Serde<User> users = arguments[4].equals("json") ? json(User.class) : binary();
        Topology topology = new Topology()
                .addSource(
                        "clicks",
                        Serdes.String().deserializer(),
                        json(Click.class).deserializer(),
                        arguments[2].split(","))
                .addProcessor("count", () -> new Counter(answers), "clicks")
                .addStateStore(
                        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("users"), Serdes.String(), users)
                                .withCachingEnabled()
                                .withLoggingEnabled(Map.of()),
                        "count");
        if (answers) {
            topology.addSink(
                    "records", arguments[5], Serdes.String().serializer(), json(Answer.class).serializer(), "count");
        }
        KafkaStreams streams = new KafkaStreams(topology, settings);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        CountDownLatch stopped = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            streams.close(CloseOptions.timeout(java.time.Duration.ofSeconds(10))
                    .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
            stopped.countDown();
        }));
        streams.setStateListener((now, before) -> {
            if (now == KafkaStreams.State.ERROR) {
                Runtime.getRuntime().halt(1);
            }
        });
        streams.start();
        stopped.await();
    }
}
