import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * One EWMA rule per series, as a Java team would write it first: the rule of {@code kafka_stock.py}, with a store that has a changelog.
 *
 * Arguments: bootstrap, topic, alerts topic, application id, state folder, threads, guarantee, events. Prints [events, seconds, CPU seconds]
 * from the first event to the last and ends.
 */
public final class Ewma {
    private static final double ALPHA = 0.05;
    private static final double LIMIT = 6.0;
    private static final double WARM = 30.0;
    private static final AtomicLong COUNT = new AtomicLong();
    private static final AtomicLong BEGAN_NS = new AtomicLong();
    private static final AtomicLong CPU_NS = new AtomicLong();
    private static final OperatingSystemMXBean SYSTEM = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /** The fields of an event that the rule reads. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public record Event(String user, String direction, String message_class, String service, String region, String observed_at, double messages) {}

    private static final class Judge implements Processor<byte[], byte[], byte[], String> {
        private static final ObjectReader READER = new ObjectMapper().readerFor(Event.class);
        private final long events;
        private ProcessorContext<byte[], String> context;
        private KeyValueStore<String, byte[]> store;

        Judge(long events) {
            this.events = events;
        }

        @Override
        public void init(ProcessorContext<byte[], String> context) {
            this.context = context;
            this.store = context.getStateStore("ewma");
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            Event event;
            try {
                event = READER.readValue(record.value());
            } catch (IOException fault) {
                return;
            }
            String key = String.join("/", event.user(), event.direction(), event.message_class(), event.service(), event.region());
            byte[] known = store.get(key);
            double mean = event.messages();
            double variance = 1.0;
            double seen = 0.0;
            if (known != null) {
                ByteBuffer buffer = ByteBuffer.wrap(known);
                mean = buffer.getDouble();
                variance = buffer.getDouble();
                seen = buffer.getDouble();
            }
            double difference = event.messages() - mean;
            if (seen > WARM && Math.abs(difference) > LIMIT * Math.sqrt(variance)) {
                context.forward(record.withValue("alert " + key + " " + event.observed_at()));
            }
            ByteBuffer next = ByteBuffer.allocate(24);
            next.putDouble(mean + ALPHA * difference).putDouble((1 - ALPHA) * (variance + ALPHA * difference * difference)).putDouble(seen + 1);
            store.put(key, next.array());
            count();
        }

        private void count() {
            long number = COUNT.incrementAndGet();
            if (number == 1) {
                BEGAN_NS.set(System.nanoTime());
                CPU_NS.set(SYSTEM.getProcessCpuTime());
            }
            if (number == events) {
                double wallS = (System.nanoTime() - BEGAN_NS.get()) / 1e9;
                System.out.printf("[%d, %.3f, %.3f]%n", number - 1, wallS, (SYSTEM.getProcessCpuTime() - CPU_NS.get()) / 1e9);
                System.out.flush();
                Runtime.getRuntime().halt(0);
            }
        }
    }

    public static void main(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[3]);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Integer.valueOf(arguments[5]));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, arguments[6]);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put("auto.offset.reset", "earliest");
        long events = Long.parseLong(arguments[7]);
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(
                Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("ewma"), Serdes.String(), Serdes.ByteArray()).withCachingEnabled());
        builder.stream(arguments[1], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(() -> new Judge(events), "ewma")
                .to(arguments[2], Produced.with(Serdes.ByteArray(), Serdes.String()));
        KafkaStreams streams = new KafkaStreams(builder.build(settings), settings);
        streams.start();
    }
}
