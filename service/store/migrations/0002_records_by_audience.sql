-- The event stream and every list ask for one audience's rows in their order.
CREATE INDEX records_audience ON records (audience, seq);
