//! Checking the indexes against the log, and making them anew. To come.
