package events

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/coracle-client/coracle/tests/bench/go/internal/runner"
)

//go:embed postgres.sql
var schema string

// readSome reads by the index of tags; without MATERIALIZED the planner walks the log by position instead, and is
// hundreds of times slower.
const readSome = `WITH found AS MATERIALIZED (SELECT position, type, tags, data, occurred_at FROM events WHERE tags @> $1)
SELECT * FROM found ORDER BY position LIMIT $2`

// maxConnections is for the callers, and some more.
const maxConnections = 100

// Postgres is an event store in a PostgreSQL server of its own. Like the other servers here it does not wait for a
// disk.
type Postgres struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	folder string
	pool   *pgxpool.Pool
}

// OpenPostgres makes a cluster in a new folder, starts it on one core (below 0 on all), and creates the schema. It
// gives nil without an error where PostgreSQL is not installed.
func OpenPostgres(ctx context.Context, core int) (_ *Postgres, err error) {
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(programs) == 0 {
		return nil, err
	}
	bin := filepath.Dir(programs[len(programs)-1])
	folder, err := os.MkdirTemp("", "coracle-postgres-")
	if err != nil {
		return nil, err
	}
	p := &Postgres{folder: folder, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if err := p.start(bin, core); err != nil {
		return nil, err
	}
	return p, p.connect(ctx)
}

func (p *Postgres) start(bin string, core int) error {
	init := exec.Command(filepath.Join(bin, "initdb"), "--pgdata", filepath.Join(p.folder, "data"), "--username", "bench",
		"--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C")
	if err := asPostgres(init, p.folder); err != nil {
		return err
	}
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	cmd := exec.Command(filepath.Join(bin, "postgres"), "-D", filepath.Join(p.folder, "data"), "-k", p.folder,
		"-c", "listen_addresses=", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB", "-c", fmt.Sprint("max_connections=", maxConnections))
	if err := asPostgres(cmd, p.folder); err != nil {
		return err
	}
	if err := runner.Start(cmd, core); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	p.cmd = cmd
	go func() {
		_ = cmd.Wait() // it is told to end, so how it ends says nothing
		close(p.ended)
	}()
	return nil
}

func (p *Postgres) connect(ctx context.Context) error {
	const between = 50 * time.Millisecond
	config, err := pgxpool.ParseConfig(fmt.Sprintf("host=%s user=bench dbname=postgres pool_max_conns=%d", p.folder, maxConnections-10))
	if err != nil {
		return err
	}
	if p.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return err
	}
	for {
		if err = p.pool.Ping(ctx); err == nil {
			_, err = p.pool.Exec(ctx, schema)
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-p.ended:
			return fmt.Errorf("postgres ended before it answered: %w", err)
		case <-time.After(between):
		}
	}
}

// Name implements [Store].
func (p *Postgres) Name() string { return "PostgreSQL" }

// Fill implements [Store].
func (p *Postgres) Fill(ctx context.Context, events []Event) error {
	var head int64
	if err := p.pool.QueryRow(ctx, "SELECT last_value FROM head").Scan(&head); err != nil {
		return err
	}
	rows := pgx.CopyFromSlice(len(events), func(i int) ([]any, error) {
		return []any{head + 1 + int64(i), events[i].Type, events[i].Tags, events[i].Data}, nil
	})
	columns := []string{"position", "type", "tags", "data"}
	if _, err := p.pool.CopyFrom(ctx, pgx.Identifier{"events"}, columns, rows); err != nil {
		return err
	}
	_, err := p.pool.Exec(ctx, "SELECT setval('head', $1)", head+int64(len(events)))
	return err
}

// Settle brings what the planner knows, and the indexes, up to date.
func (p *Postgres) Settle(ctx context.Context) error {
	_, err := p.pool.Exec(ctx, "VACUUM ANALYZE events")
	return err
}

// Session implements [Store].
func (p *Postgres) Session(ctx context.Context) (Session, error) {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	s := &postgresSession{conn: conn}
	if err := conn.QueryRow(ctx, "SELECT last_value FROM head").Scan(&s.head); err != nil {
		conn.Release()
		return nil, err
	}
	return s, nil
}

// ServerCPU implements [Store]: of the postmaster and all of its processes, those that ended included.
func (p *Postgres) ServerCPU() (time.Duration, error) { return runner.TreeCPU(p.cmd.Process.Pid) }

// Bytes implements [Store]: the table with its indexes.
func (p *Postgres) Bytes(ctx context.Context) (size int64, err error) {
	err = p.pool.QueryRow(ctx, "SELECT pg_total_relation_size('events')").Scan(&size)
	return size, err
}

// Close implements [Store].
func (p *Postgres) Close() error {
	if p.pool != nil {
		p.pool.Close()
	}
	if p.cmd != nil {
		if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		<-p.ended
	}
	return os.RemoveAll(p.folder)
}

type postgresSession struct {
	conn *pgxpool.Conn
	head int64
}

func (s *postgresSession) Append(ctx context.Context, event Event, items []Item) (bool, error) {
	types, tags := make([]string, len(items)), make([]string, len(items))
	for i, item := range items {
		types[i], tags[i] = literal(item.Types), literal(item.Tags)
	}
	var head int64
	err := s.conn.QueryRow(ctx, "SELECT append_if($1, $2, $3, $4, $5, $6)",
		event.Type, event.Tags, event.Data, s.head, types, tags).Scan(&head)
	if err != nil {
		return false, err
	}
	s.head = max(head, -head)
	return head < 0, nil
}

func (s *postgresSession) Read(ctx context.Context, item Item, limit int) (int, error) {
	rows, err := s.conn.Query(ctx, readSome, item.Tags, limit)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	count := 0
	for rows.Next() {
		var position int64
		var kind string
		var tags []string
		var data []byte
		var at time.Time
		if err := rows.Scan(&position, &kind, &tags, &data, &at); err != nil {
			return 0, err
		}
		count++
	}
	return count, rows.Err()
}

func (s *postgresSession) Close() { s.conn.Release() }

// literal is an array as PostgreSQL writes it; what is in it has neither quotes nor backslashes.
func literal(elements []string) string {
	if len(elements) == 0 {
		return "{}"
	}
	return `{"` + strings.Join(elements, `","`) + `"}`
}
