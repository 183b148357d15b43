-- An event store with the contract of dcb.events: one table, tags as an array with an inverted index, and one function
-- that checks the condition and inserts. A lock of the whole log makes positions gapless and the check exact: without
-- it, two identical conditional appends could both succeed.
CREATE TABLE events (
    position BIGINT PRIMARY KEY,
    type TEXT NOT NULL,
    tags TEXT[] NOT NULL,
    data JSON NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
-- Without fastupdate, as reads would go through the list of what is not yet in the index.
CREATE INDEX events_tags ON events USING GIN (tags) WITH (fastupdate = off);
CREATE INDEX events_type ON events (type, position);
CREATE SEQUENCE head MINVALUE 0 START 0;
SELECT setval('head', 0);

-- Gives the head: of a conflict, negated.
CREATE FUNCTION append_if(new_type TEXT, new_tags TEXT[], new_data JSON, after BIGINT, item_types TEXT[], item_tags TEXT[])
RETURNS BIGINT AS $$
DECLARE
    at BIGINT;
    found BOOLEAN;
BEGIN
    PERFORM pg_advisory_xact_lock(1);
    FOR i IN 1 .. cardinality(item_types) LOOP
        SELECT EXISTS (
            SELECT 1 FROM events e
            WHERE e.position > after AND e.tags @> item_tags[i]::TEXT[] AND e.type = ANY (item_types[i]::TEXT[])
        ) INTO found;
        IF found THEN
            RETURN -(SELECT last_value FROM head);
        END IF;
    END LOOP;
    at := (SELECT last_value FROM head) + 1;
    PERFORM setval('head', at);
    INSERT INTO events (position, type, tags, data) VALUES (at, new_type, new_tags, new_data);
    RETURN at;
END;
$$ LANGUAGE plpgsql;
