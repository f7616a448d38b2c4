CREATE TABLE findings (        -- what was open in a window, for metrics of the past; kept as long as samples are kept as they came
  window_s INTEGER NOT NULL,
  at_us INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (window_s, at_us)
) STRICT, WITHOUT ROWID;
CREATE INDEX findings_age ON findings (at_us);
