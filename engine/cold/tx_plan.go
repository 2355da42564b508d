package cold

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
)

// Versions calls yield with every stored version of every span of the traces, in no order and by one goroutine at a time. It costs next to nothing for traces that
// the table does not hold. Files that cannot be read leave their rows out: the error then wraps tael.ErrDamaged and names them, after all
// others were asked.
func (x *Tx) Versions(ctx context.Context, tenant string, ids []tael.TraceID, yield func(Found)) error {
	q := newLookup(x.table, ids)
	var mu sync.Mutex
	err := q.each(ctx, x.base.tenants[tenant], func(ctx context.Context, f *dataFile, ids []tael.TraceID) error {
		file, err := x.table.files.get(ctx, f)
		if err != nil {
			return err
		}
		return fileError(f.key, file.Versions(ctx, ids, x.base.deleted[f.key], nil, func(row int64, id tael.Identity, v tael.Version) {
			mu.Lock()
			defer mu.Unlock()
			yield(Found{Tenant: tenant, Identity: id, Version: v, File: f.key, Row: row})
		}))
	})
	if err != nil && !errors.Is(err, tael.ErrDamaged) {
		return err
	}
	return errors.Join(append(x.base.unread(), err)...)
}

// plan fits the edit to the newest state, or ends the commit with ErrConflict.
func (x *Tx) plan(ctx context.Context, now *state, all *edit) (*edit, error) {
	if age := x.table.opts.Now().Sub(x.begun); age > x.table.opts.OrphanGrace/2 {
		if err := x.checkFiles(ctx, age); err != nil {
			return nil, err
		}
	}
	if err := x.conflicts(ctx, now); err != nil {
		return nil, err
	}
	e := &edit{data: all.data, properties: all.properties}
	for _, f := range x.finished {
		if f.manifest != nil && anyLive(now, f.targets) {
			e.deletes = append(e.deletes, f.manifest)
		}
	}
	switch {
	case len(e.data) > 0 && len(e.deletes) > 0:
		e.operation = table.OpOverwrite
	case len(e.data) > 0:
		e.operation = table.OpAppend
	case len(e.deletes) > 0:
		e.operation = table.OpDelete
	case len(e.properties) == 0:
		return nil, nil
	}
	return e, nil
}

// anyLive tells whether the table still has one of the files. Somebody may have dropped their day meanwhile.
func anyLive(s *state, keys []string) bool {
	for _, key := range keys {
		if s.files[key] != nil {
			return true
		}
	}
	return false
}

// conflicts looks for spans of our traces in files that were not there when Versions looked. After it, base is the state that was looked at.
func (x *Tx) conflicts(ctx context.Context, now *state) error {
	for tenant, ids := range x.traces {
		var added []*dataFile
		for _, f := range now.tenants[tenant] {
			if x.base.files[f.key] == nil {
				added = append(added, f)
			}
		}
		if len(added) == 0 {
			continue
		}
		q := newLookup(x.table, ids)
		err := q.each(ctx, added, func(ctx context.Context, f *dataFile, ids []tael.TraceID) error {
			file, err := x.table.files.get(ctx, f)
			if err != nil {
				return err
			}
			found := false
			err = file.Versions(ctx, ids, now.deleted[f.key], nil, func(int64, tael.Identity, tael.Version) { found = true })
			if found {
				return fmt.Errorf("cold: commit: %w (in %s)", ErrConflict, f.key)
			}
			return fileError(f.key, err)
		})
		if errors.Is(err, ErrConflict) {
			return err
		}
		if err != nil && !errors.Is(err, tael.ErrDamaged) {
			return err
		}
		if err != nil {
			// Nobody can read what is in there, so it cannot show an older version either.
			x.table.opts.Logger.ErrorContext(ctx, "a file of another commit cannot be read", "error", err)
		}
	}
	for key := range x.deletes {
		if f := x.base.files[key]; f != nil && now.files[key] == nil && x.rewritten(now, f) {
			return fmt.Errorf("cold: commit: %w (%s was rewritten)", ErrConflict, key)
		}
	}
	x.base = now
	return nil
}

// rewritten tells whether a file that is gone may live on in others: its day still has files that are new to us.
func (x *Tx) rewritten(now *state, gone *dataFile) bool {
	for _, f := range now.tenants[gone.tenant] {
		if f.day == gone.day && x.base.files[f.key] == nil {
			return true
		}
	}
	return false
}

// checkFiles makes sure that a commit so late does not name files that were taken for orphans.
func (x *Tx) checkFiles(ctx context.Context, age time.Duration) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(x.table.opts.Parallel)
	for _, f := range x.finished {
		g.Go(func() error {
			_, err := x.table.store.Stat(ctx, f.key)
			if errors.Is(err, objstore.ErrNotFound) {
				return fmt.Errorf("cold: commit: %w: the flush took %s and %s was removed as an orphan meanwhile: flush again, or raise the orphan grace of %s",
					tael.ErrUnavailable, age, f.key, x.table.opts.OrphanGrace)
			}
			if err != nil {
				return fmt.Errorf("cold: commit: %w", err)
			}
			return nil
		})
	}
	return g.Wait()
}

// protect keeps a file of a Tx from Orphans, or ends that.
func (t *Table) protect(key string, on bool) {
	t.writingMu.Lock()
	defer t.writingMu.Unlock()
	if on {
		t.writing[key] = true
	} else {
		delete(t.writing, key)
	}
}

// storedPath is the path by which the table lists a data file: position deletes must name it exactly so for outside readers.
func (s *state) storedPath(t *Table, f *dataFile) string {
	if f.path != "" {
		return f.path
	}
	return t.path(f.key)
}
