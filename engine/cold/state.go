package cold

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/spanfile"
)

// state is the table at one metadata file: immutable, shared by views and transactions.
type state struct {
	head      *head
	snapshot  *table.Snapshot // nil for an empty table
	manifests []*manifest
	files     map[string]*dataFile   // by key
	tenants   map[string][]*dataFile // newest start first
	deletes   map[string]*deleteFile // by key
	deleted   map[string]spanfile.Deleted
	flushed   map[string]uint64
	stale     error // a newer metadata file is there and cannot be read, a tael.ErrDamaged: nothing is committed on this state
}

// dataFile is what the manifest knows of a data file. Times are unix nanoseconds.
type dataFile struct {
	key, tenant        string
	path               string // as the table lists it, when it is not where the table is now
	day                int32
	rows, bytes        int64
	minStart, maxStart uint64
	maxDuration        uint64
}

// load reads the snapshot of a metadata file. What prev has already is not read again: manifests and delete files never change.
func (t *Table) load(ctx context.Context, h *head, prev *state) (*state, error) {
	s := &state{
		head: h, snapshot: h.meta.CurrentSnapshot(),
		files: map[string]*dataFile{}, tenants: map[string][]*dataFile{}, deletes: map[string]*deleteFile{}, deleted: map[string]spanfile.Deleted{},
		flushed: watermarks(h.meta),
	}
	if s.snapshot == nil {
		return s, nil
	}
	if prev != nil && prev.snapshot != nil && prev.snapshot.SnapshotID == s.snapshot.SnapshotID && !prev.damaged() {
		s.manifests, s.files, s.tenants, s.deletes, s.deleted = prev.manifests, prev.files, prev.tenants, prev.deletes, prev.deleted
		return s, nil
	}
	listed, err := t.readManifestList(ctx, s.snapshot)
	if err != nil {
		return nil, err
	}
	if s.manifests, err = t.readManifests(ctx, listed, prev); err != nil {
		return nil, err
	}
	for _, m := range s.manifests {
		for _, f := range m.data {
			s.files[f.key] = f
			s.tenants[f.tenant] = append(s.tenants[f.tenant], f)
		}
		for _, f := range m.deletes {
			s.deletes[f.key] = f
		}
	}
	for _, files := range s.tenants {
		slices.SortFunc(files, newestFirst)
	}
	return s, t.loadDeletes(ctx, s, prev)
}

func newestFirst(a, b *dataFile) int {
	switch {
	case a.maxStart != b.maxStart:
		if a.maxStart > b.maxStart {
			return -1
		}
		return 1
	case a.key < b.key:
		return -1
	case a.key > b.key:
		return 1
	}
	return 0
}

// readManifests reads those manifests of a list that prev does not have.
func (t *Table) readManifests(ctx context.Context, listed []iceberg.ManifestFile, prev *state) ([]*manifest, error) {
	known := map[string]*manifest{}
	if prev != nil {
		for _, m := range prev.manifests {
			known[m.key] = m
		}
	}
	out := make([]*manifest, len(listed))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(t.opts.Parallel)
	for i, file := range listed {
		key, err := reroot(file.FilePath())
		if err != nil {
			return nil, damaged("manifest list of snapshot", fmt.Sprint(file.SnapshotID()), err)
		}
		if m := known[key]; m != nil && m.damage == nil {
			out[i] = m
			continue
		}
		g.Go(func() (err error) {
			out[i], err = t.readManifest(ctx, key, file)
			if errors.Is(err, tael.ErrDamaged) {
				out[i] = &manifest{key: key, file: file, damage: fmt.Errorf("%w: the files that it lists, of any tenant, are left out", err)}
				return nil
			}
			return err
		})
	}
	return out, g.Wait()
}

// unread lists the metadata that could not be read, which may be of any tenant.
func (s *state) unread() (errs []error) {
	if s.stale != nil {
		errs = append(errs, s.stale)
	}
	for _, m := range s.manifests {
		if m.damage != nil {
			errs = append(errs, m.damage)
		}
	}
	return errs
}

// damaged tells whether a manifest or a delete file could not be read, which another try may heal.
func (s *state) damaged() bool {
	if len(s.unread()) > 0 {
		return true
	}
	for _, f := range s.deletes {
		if f.damage != nil {
			return true
		}
	}
	return false
}

// bytes is the size of all files of the snapshot.
func (s *state) bytes() (n int64) {
	for _, f := range s.files {
		n += f.bytes
	}
	for _, f := range s.deletes {
		n += f.bytes
	}
	return n
}

// rows is the number of rows that data files have and that position deletes take out.
func (s *state) rows() (stored, deleted int64) {
	for _, f := range s.files {
		stored += f.rows
	}
	for _, f := range s.deletes {
		deleted += f.rows
	}
	return stored, deleted
}
