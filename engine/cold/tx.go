package cold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/iceberg-go"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Tx adds spans to the table and deletes superseded ones, in one snapshot. It is used by one goroutine, and ends with Commit or Abort.
type Tx struct {
	table   *Table
	base    *state // what Versions looked at
	dataDir string
	counter uint64
	begun   time.Time
	err     error // the first of Append; nothing goes on after it
	ended   bool

	tenant   string
	writers  []*fileWriter // open, of tenant; the latest used last
	named    int           // files
	finished []*writtenFile
	traces   map[string][]tael.TraceID // by tenant, in order of arrival, without neighbours that repeat
	deletes  map[string][]int64        // rows by key of the data file
	deleted  int64
}

// Found is a stored version of a span and where it is.
type Found struct {
	Tenant   string
	Identity tael.Identity
	Version  tael.Version
	File     string // key of the data file
	Row      int64  // its number in the file
}

// Committed says what a commit did.
type Committed struct {
	// Already is true when the segment was in the table before: an earlier commit whose reply was lost. This Tx's files were removed.
	Already  bool
	Snapshot int64 // id of the Iceberg snapshot; 0 when only the watermark moved
	Files    []CommittedFile
	Rows     int64 // added
	Deleted  int64 // superseded
	Rebased  int   // times that somebody else's commit came first
}

// CommittedFile is one data file of a commit.
type CommittedFile struct {
	Key    string
	Tenant string
	Rows   int64
	Bytes  int64
}

// Begin starts a Tx on the current snapshot, after looking for newer ones. dataDir and counter name the hot segment that is flushed; the commit
// makes counter the data directory's watermark. Counter 0 leaves the watermark as it is.
func (t *Table) Begin(ctx context.Context, dataDir string, counter uint64) (*Tx, error) {
	if dataDir == "" {
		dataDir = noOwner
	}
	base, err := t.refresh(ctx)
	if err != nil {
		return nil, err
	}
	return &Tx{
		table: t, base: base, dataDir: dataDir, counter: counter, begun: t.opts.Now(),
		traces: map[string][]tael.TraceID{}, deletes: map[string][]int64{},
	}, nil
}

// Append adds a span, borrowed. The rows of a trace on a day must follow each other. Rows that come by tenant, then by their trace's first start, then
// trace id make files that are narrow in time, and few: one is begun anew with each change of tenant, and when more days than Options.OpenWriters alternate.
func (x *Tx) Append(ctx context.Context, tenant string, r *fragment.Row) error {
	if x.err == nil && x.ended {
		x.err = fmt.Errorf("cold: append to a transaction that has ended: %w", tael.ErrClosed)
	}
	if x.err == nil {
		x.err = x.append(ctx, tenant, r)
	}
	return x.err
}

func (x *Tx) append(ctx context.Context, tenant string, r *fragment.Row) error {
	if tenant != x.tenant {
		if err := tael.CheckTenant(tenant); err != nil {
			return fmt.Errorf("cold: append: %w", err)
		}
		if err := x.finishWriters(); err != nil {
			return err
		}
		x.tenant = tenant
	}
	w, err := x.writer(ctx, dayOf(r.Start), r.TraceID)
	if err != nil {
		return err
	}
	if err := w.append(r); err != nil {
		return err
	}
	if ids := x.traces[tenant]; len(ids) == 0 || ids[len(ids)-1] != r.TraceID {
		x.traces[tenant] = append(ids, r.TraceID)
	}
	return nil
}

// writer gives the open file of a day, a new one when it is full. A trace's rows of a day stay in one file.
func (x *Tx) writer(ctx context.Context, day int32, trace tael.TraceID) (*fileWriter, error) {
	at := slices.IndexFunc(x.writers, func(w *fileWriter) bool { return w.file.day == day })
	if at >= 0 {
		w := x.writers[at]
		x.writers = append(slices.Delete(x.writers, at, at+1), w)
		if w.trace == trace || w.w.Bytes() < x.table.opts.TargetFileBytes {
			return w, nil
		}
		at = len(x.writers) - 1
	} else if len(x.writers) >= x.table.opts.OpenWriters {
		at = 0
	}
	if at >= 0 {
		if err := x.finish(at); err != nil {
			return nil, err
		}
	}
	var w *fileWriter
	err := x.table.step(StepFlushOpen, func() error {
		w = x.openWriter(ctx, day)
		x.writers = append(x.writers, w)
		return nil
	})
	return w, err
}

// finish closes an open writer; its file is in the store then.
func (x *Tx) finish(at int) error {
	w := x.writers[at]
	x.writers = slices.Delete(x.writers, at, at+1)
	x.finished = append(x.finished, w.file) // before it is there, so that it is removed in any case
	return x.table.step(StepFlushFile, w.close)
}

func (x *Tx) finishWriters() error {
	for len(x.writers) > 0 {
		if err := x.finish(0); err != nil {
			return err
		}
	}
	return nil
}

// Delete marks a stored version as superseded.
func (x *Tx) Delete(f Found) {
	if x.base.files[f.File] != nil && !slices.Contains(x.deletes[f.File], f.Row) {
		x.deletes[f.File] = append(x.deletes[f.File], f.Row)
		x.deleted++
	}
}

// Commit makes everything visible at once, and durable, or nothing. ErrConflict asks the caller to begin again. After any other error the commit may
// have happened all the same (a lost reply): flushing the same segment again then gives Committed.Already. The Tx has ended either way.
func (x *Tx) Commit(ctx context.Context) (Committed, error) {
	if x.ended {
		return Committed{}, fmt.Errorf("cold: commit of a transaction that has ended: %w", tael.ErrClosed)
	}
	done, err := x.commit(ctx)
	switch {
	case errors.Is(err, errUnknown):
		x.ended = true // its files stay: the table may have them
		x.settle()
	case err != nil || done.Already:
		x.Abort(ctx)
	default:
		x.ended = true
		x.settle()
	}
	return done, err
}

func (x *Tx) commit(ctx context.Context) (Committed, error) {
	if x.err != nil {
		return Committed{}, x.err
	}
	if err := x.finishWriters(); err != nil {
		return Committed{}, err
	}
	e := &edit{properties: iceberg.Properties{}}
	for _, f := range x.finished {
		df, err := f.manifestEntry(x.table)
		if err != nil {
			return Committed{}, err
		}
		e.data = append(e.data, df)
	}
	var err error
	if e.deletes, err = x.writeDeletes(ctx); err != nil {
		return Committed{}, err
	}
	if x.counter > 0 {
		e.properties[propertyFlushed+x.dataDir] = fmt.Sprint(x.counter)
	}
	done := Committed{}
	out, err := x.table.commit(ctx, x.dataDir, StepCommitMetadata, func(ctx context.Context, now *state) (*edit, error) {
		if done.Already = x.counter > 0 && now.flushed[x.dataDir] >= x.counter; done.Already {
			return nil, nil
		}
		return x.plan(ctx, now, e)
	})
	if err != nil || out == nil {
		return done, err
	}
	for _, f := range x.finished {
		if f.manifest == nil {
			done.Files = append(done.Files, CommittedFile{Key: f.key, Tenant: f.tenant, Rows: f.info.Rows, Bytes: f.info.Bytes})
			done.Rows += f.info.Rows
		}
	}
	done.Deleted, done.Rebased, done.Snapshot = x.deleted, out.rebased, out.snapshot
	return done, nil
}

// Abort ends the Tx and removes its files, also when ctx has ended. It does nothing after Commit.
func (x *Tx) Abort(ctx context.Context) {
	if x.ended {
		return
	}
	x.ended = true
	ctx, cancel := x.table.settling(ctx)
	defer cancel()
	for _, w := range x.writers {
		if err := w.abort(); err != nil && !errors.Is(err, errAborted) && !errors.Is(err, context.Canceled) {
			x.table.opts.Logger.WarnContext(ctx, "an upload of an aborted flush had failed", "key", w.file.key, "error", err)
		}
		x.finished = append(x.finished, w.file)
	}
	x.writers = nil
	for _, f := range x.finished {
		if err := x.table.store.Delete(ctx, f.key); err != nil {
			x.table.opts.Logger.WarnContext(ctx, "a file of an aborted flush stays until orphans are removed", "key", f.key, "error", err)
		}
	}
	x.settle()
}

// settle ends the protection of the Tx's files from Orphans: they are in the table now, or gone, or orphans.
func (x *Tx) settle() {
	for _, f := range x.finished {
		x.table.protect(f.key, false)
	}
}
