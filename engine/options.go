// Package engine is the store on one machine: it opens the tiers in order, owns the consistent view over them, and implements
// tael.Store. It is the only package that knows all the parts.
package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/query"
)

// Options of an Engine. See DefaultOptions.
type Options struct {
	// DataDir holds everything local. It is made if it is not there, and locked while the engine is open.
	DataDir string
	// ColdURL is where cold data lives: file:///path or s3://bucket/prefix. Empty is <DataDir>/cold.
	ColdURL string
	S3      objstore.S3Options

	// HotMaxAge and HotMaxBytes decide when a segment is sealed and flushed.
	HotMaxAge   time.Duration
	HotMaxBytes int64
	// SyncInterval says what an acknowledgement promises, see hot.Options. 0: the span is on disk.
	SyncInterval time.Duration
	// MemoryLimit is the memory, in bytes, that the whole process is to stay under: the budgets of the tiers and of queries are parts of it.
	MemoryLimit int64
	// MaxDisk bounds hot and local cold data together, in bytes: the oldest whole days go first. 0 is no limit. It is no limit for a bucket, so it is
	// refused with one.
	MaxDisk int64
	// MinFreeDisk is kept free on the file system of DataDir: below it appends are refused.
	MinFreeDisk int64
	// Retention drops whole UTC days that ended longer ago; 0 keeps all.
	Retention time.Duration
	// FlushShare is the part of the time that a flush may work while spans come in, see compactor.Options.Share.
	FlushShare float64
	// ColdPoll is how often the table is looked at for commits of other processes.
	ColdPoll time.Duration
	// QueryBudget bounds one query, and QueryTimeout is its deadline when the caller has none.
	QueryBudget  query.Budget
	QueryTimeout time.Duration

	Now      func() time.Time
	Logger   *slog.Logger
	Register prometheus.Registerer // nil: not exported
	// Hook is called before and after the named steps of all tiers, for crash tests.
	Hook func(step string)

	// wrap puts something between the cold tier and its object store, and tune changes the options of the tiers, in tests.
	wrap func(objstore.Store) objstore.Store
	tune func(*parts)
}

// DefaultOptions are the documented defaults of everything but DataDir.
func DefaultOptions() Options {
	return Options{
		HotMaxAge: 10 * time.Minute, HotMaxBytes: 256 << 20,
		MemoryLimit: 1 << 30, MinFreeDisk: 1 << 30, Retention: 30 * 24 * time.Hour, FlushShare: 0.1, ColdPoll: 10 * time.Second,
		QueryBudget:  query.Budget{Rows: 200_000_000, Bytes: 64 << 30},
		QueryTimeout: 30 * time.Second,
		Now:          time.Now, Logger: slog.New(slog.DiscardHandler), Hook: func(string) {},
	}
}

// minMemory is the least that the tiers can work in.
const minMemory = 128 << 20

// Validate lists every problem.
func (o Options) Validate() error {
	var problems []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf("%w: "+format, append([]any{tael.ErrInvalid}, args...)...))
		}
	}
	need(o.DataDir != "", "data-dir: want a directory")
	need(o.HotMaxAge > 0, "hot-max-age %v: want more than 0", o.HotMaxAge)
	need(o.HotMaxBytes >= 1<<20, "hot-max-bytes %d: want at least 1 MiB", o.HotMaxBytes)
	need(o.MemoryLimit >= minMemory, "memory-limit %d: want at least %d", o.MemoryLimit, minMemory)
	need(o.MaxDisk >= 0, "max-disk %d: want 0 or more", o.MaxDisk)
	need(o.MaxDisk == 0 || !strings.HasPrefix(o.ColdURL, "s3:"), "max-disk: it bounds the local disk, and cold-url %s is not on it: leave it out and set retention", o.ColdURL)
	hot := share(o.MemoryLimit, hotShare)
	need(o.MaxDisk <= 0 || o.MaxDisk > hot, "max-disk %d: the hot tier alone may take %d (%d %% of memory-limit): want more, or a smaller memory-limit", o.MaxDisk, hot, hotShare)
	need(o.MinFreeDisk >= 0, "min-free-disk %d: want 0 or more", o.MinFreeDisk)
	need(o.Retention == 0 || o.Retention >= 24*time.Hour, "retention %v: want at least 24h, or 0 to keep all", o.Retention)
	need(o.FlushShare > 0 && o.FlushShare <= 1, "flush-share %v: want more than 0, at most 1", o.FlushShare)
	need(o.ColdPoll > 0, "cold-poll %v: want more than 0", o.ColdPoll)
	need(o.QueryTimeout > 0, "query-timeout %v: want more than 0", o.QueryTimeout)
	need(o.Now != nil && o.Logger != nil && o.Hook != nil, "engine: a clock, a logger and a hook are needed")
	return errors.Join(problems...)
}
