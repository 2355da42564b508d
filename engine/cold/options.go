package cold

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/spanfile"
)

// Options of a Table. DefaultOptions fills in everything but Location.
type Options struct {
	// Location is the URL of the store's root, as it was given to objstore.Open (file:///absolute/path or s3://bucket/prefix). It is only
	// written into the table, so that other Iceberg readers find the files.
	Location string
	Logger   *slog.Logger
	Now      func() time.Time
	// Hook is called with the name of a step before and after it ("commit.metadata.before", "commit.metadata.after"), for crash tests. See the Step constants.
	Hook func(step string)

	// CacheBytes bounds what is kept of opened files: their footers and indexes.
	CacheBytes int64
	// FilterBytes bounds the trace filters of files, about 1.3 bytes a trace, that are kept when the file is not.
	FilterBytes int64
	// DictionaryCacheBytes bounds the decoded dictionaries and term filters of data files.
	DictionaryCacheBytes int64
	// Writer is how data files are written; its Tenant is set for each.
	Writer spanfile.WriterOptions
	// TargetFileBytes is the size at which a data file is closed and the next begun.
	TargetFileBytes int64
	// OpenWriters bounds the data files that one Tx writes at a time.
	OpenWriters int
	// Parallel bounds the files that one operation reads or opens at a time.
	Parallel int
	// SettleTimeout bounds what an operation still has to do after its context has ended or its commit is done: removing its files, reading back.
	SettleTimeout time.Duration
	// CommitTries bounds how often a commit is rebased on those of others before it gives up with tael.ErrUnavailable.
	CommitTries int

	// SnapshotGrace is how long a superseded snapshot, and the files that only it has, stay readable for views and outside readers.
	SnapshotGrace time.Duration
	// MetadataGrace is how long a superseded metadata file stays. It must be at least as long as any pause of a process between
	// looking at the table and committing to it; a longer pause is noticed and costs another look.
	MetadataGrace time.Duration
	// OrphanGrace is how old a file in no snapshot must be before Orphans removes it.
	OrphanGrace time.Duration
}

// DefaultOptions are the options that taeld starts from.
func DefaultOptions() Options {
	return Options{
		Logger:               slog.New(slog.DiscardHandler),
		Now:                  time.Now,
		Hook:                 func(string) {},
		CacheBytes:           64 << 20,
		FilterBytes:          128 << 20,
		DictionaryCacheBytes: spanfile.DefaultCacheBytes,
		Writer:               spanfile.DefaultWriterOptions(),
		TargetFileBytes:      128 << 20,
		OpenWriters:          4,
		Parallel:             8,
		SettleTimeout:        30 * time.Second,
		CommitTries:          20,
		SnapshotGrace:        15 * time.Minute,
		MetadataGrace:        time.Hour,
		OrphanGrace:          24 * time.Hour,
	}
}

// Validate lists every problem of the options.
func (o Options) Validate() error {
	var errs []error
	need := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("cold: "+format, args...))
		}
	}
	need(o.Location != "", "Location is empty; want the URL of the store")
	need(o.Logger != nil, "Logger is nil")
	need(o.Now != nil, "Now is nil")
	need(o.Hook != nil, "Hook is nil")
	need(o.CacheBytes >= 0, "CacheBytes is %d; want 0 or more", o.CacheBytes)
	need(o.FilterBytes >= 0, "FilterBytes is %d; want 0 or more", o.FilterBytes)
	need(o.DictionaryCacheBytes >= 0, "DictionaryCacheBytes is %d; want 0 or more", o.DictionaryCacheBytes)
	writer := o.Writer
	writer.Tenant = tael.DefaultTenant
	if err := writer.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("cold: Writer: %w", err))
	}
	need(o.TargetFileBytes > 0, "TargetFileBytes is %d; want more than 0", o.TargetFileBytes)
	need(o.OpenWriters > 0, "OpenWriters is %d; want more than 0", o.OpenWriters)
	need(o.Parallel > 0, "Parallel is %d; want more than 0", o.Parallel)
	need(o.SettleTimeout > 0, "SettleTimeout is %s; want more than 0", o.SettleTimeout)
	need(o.CommitTries > 0, "CommitTries is %d; want more than 0", o.CommitTries)
	need(o.SnapshotGrace > 0, "SnapshotGrace is %s; want more than 0", o.SnapshotGrace)
	need(o.MetadataGrace > 0, "MetadataGrace is %s; want more than 0", o.MetadataGrace)
	need(o.OrphanGrace > 0, "OrphanGrace is %s; want more than 0", o.OrphanGrace)
	return errors.Join(errs...)
}

// Steps at which Options.Hook is called, each with ".before" and ".after". A process that dies at any of them loses nothing that was acknowledged.
const (
	StepFlushOpen      = "flush.open"      // a data file is begun, and with it its way to the store
	StepFlushFile      = "flush.file"      // a data file reaches the store
	StepFlushDeletes   = "flush.deletes"   // a file of position deletes reaches the store
	StepCommitManifest = "commit.manifest" // manifests and the manifest list of a snapshot
	StepCommitMetadata = "commit.metadata" // the commit itself: v(N+1).metadata.json is created
	StepCommitHint     = "commit.hint"     // version-hint.text
	StepCommitTrim     = "commit.trim"     // superseded metadata files go
	StepDropCommit     = "drop.commit"     // old days leave the table
	StepOrphanDelete   = "orphan.delete"   // a file in no snapshot goes
	StepExpireCommit   = "expire.commit"   // superseded snapshots leave the table
	StepExpireDelete   = "expire.delete"   // a file that only they had goes
)

// Steps lists the steps.
func Steps() []string {
	return []string{StepFlushOpen, StepFlushFile, StepFlushDeletes, StepCommitManifest, StepCommitMetadata, StepCommitHint, StepCommitTrim, StepDropCommit, StepOrphanDelete, StepExpireCommit, StepExpireDelete}
}

// settling is a context for what must be done although ctx has ended.
func (t *Table) settling(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), t.opts.SettleTimeout)
}

// step runs one named step between its two hooks.
func (t *Table) step(name string, run func() error) error {
	t.opts.Hook(name + ".before")
	if err := run(); err != nil {
		return err
	}
	t.opts.Hook(name + ".after")
	return nil
}
