package cold

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

// View is the table at one snapshot. It implements query.Source. Its files stay in the store for Options.SnapshotGrace after they were superseded.
//
// A data file that is missing or damaged never hides the others: Scan.Next gives an error that wraps tael.ErrDamaged and names the
// file, once, and goes on with the other files at the next call; Trace, Versions and Stats give what they could read together with such an error (errors.Join
// of one a file). The caller answers partially and names what is missing. A file of position deletes that cannot be read is reported
// the same way; its superseded rows show then, and lose against their newer versions wherever a caller compares versions.
type View struct {
	table *Table
	state *state
}

var (
	_ query.Source    = (*View)(nil)
	_ query.Describer = (*View)(nil)
)

func newView(t *Table, s *state) *View { return &View{table: t, state: s} }

// Release ends the view's use. It is idempotent.
func (v *View) Release() {}

// Snapshot is the id of the Iceberg snapshot, 0 for an empty table.
func (v *View) Snapshot() int64 {
	if v.state.snapshot == nil {
		return 0
	}
	return v.state.snapshot.SnapshotID
}

// Version is the number of the metadata file.
func (v *View) Version() int { return v.state.head.version }

// Files is the number of data files in the view.
func (v *View) Files() int { return len(v.state.files) }

// Describe implements query.Describer.
func (v *View) Describe(e *tael.Explain) { e.ColdFiles += v.Files() }

// Watermark is Table.Watermark at the view's snapshot.
func (v *View) Watermark(dataDir string) (counter uint64, ok bool) {
	counter, ok = v.state.flushed[dataDir]
	return counter, ok
}

// open fails when the table is closed.
func (v *View) open() error {
	if v.table.life.Err() != nil {
		return fmt.Errorf("cold: %w", tael.ErrClosed)
	}
	return nil
}

// Trace implements query.Source. Damaged files: see View.
func (v *View) Trace(ctx context.Context, tenant string, id tael.TraceID, o tael.TraceOptions, m *query.Meter) ([]tael.Span, error) {
	return v.spans(ctx, tenant, []tael.TraceID{id}, o, m)
}

// Traces implements query.TracesReader. Damaged files: see View.
func (v *View) Traces(ctx context.Context, tenant string, ids []tael.TraceID, m *query.Meter) ([]tael.Span, error) {
	return v.spans(ctx, tenant, ids, tael.TraceOptions{}, m)
}

func (v *View) spans(ctx context.Context, tenant string, ids []tael.TraceID, o tael.TraceOptions, m *query.Meter) ([]tael.Span, error) {
	if err := v.open(); err != nil {
		return nil, err
	}
	files, pruned := v.between(tenant, o.From, o.To)
	if err := m.Read(tael.Explain{FilesPruned: pruned}); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var spans []tael.Span
	q := newLookup(v.table, ids)
	q.meter = m
	places := q.places(files)
	err := q.each(ctx, files, func(ctx context.Context, f *dataFile, ids []tael.TraceID) error {
		file, err := v.table.files.get(ctx, f)
		if err != nil {
			return err
		}
		found, err := file.Among(places).Traces(ctx, ids, v.state.deleted[f.key], m)
		mu.Lock()
		defer mu.Unlock()
		spans = append(spans, found...)
		return fileError(f.key, err)
	})
	return spans, v.withDeletes(tenant, err)
}

// between gives the tenant's files that can have a span started in [from, to), and the number of the others. Zero is unbounded.
func (v *View) between(tenant string, from, to uint64) (files []*dataFile, pruned int) {
	all := v.state.tenants[tenant]
	for _, f := range all {
		if from != 0 && f.maxStart < from || to != 0 && f.minStart >= to {
			pruned++
			continue
		}
		files = append(files, f)
	}
	return files, pruned
}

// withDeletes adds the damage of position deletes to an answer that is otherwise whole, or has damage.
func (v *View) withDeletes(tenant string, err error) error {
	if err != nil && !errors.Is(err, tael.ErrDamaged) {
		return err
	}
	return errors.Join(append(v.state.damage(tenant), err)...)
}

// Versions implements query.Source. Damaged files: see View.
func (v *View) Versions(ctx context.Context, tenant string, ids []tael.TraceID, m *query.Meter, yield func(tael.Identity, tael.Version)) error {
	if err := v.open(); err != nil {
		return err
	}
	var mu sync.Mutex
	q := newLookup(v.table, ids)
	err := q.each(ctx, v.state.tenants[tenant], func(ctx context.Context, f *dataFile, ids []tael.TraceID) error {
		file, err := v.table.files.get(ctx, f)
		if err != nil {
			return err
		}
		return fileError(f.key, file.Versions(ctx, ids, v.state.deleted[f.key], m, func(_ int64, id tael.Identity, version tael.Version) {
			mu.Lock()
			defer mu.Unlock()
			yield(id, version)
		}))
	})
	return v.withDeletes(tenant, err)
}

// Stats implements query.Source. Spans, bytes and times are exact; a trace counts once a row group that it is in. Damaged files: see View;
// their spans and bytes count all the same, and their times to the microsecond.
func (v *View) Stats(ctx context.Context, tenant string, s *tael.Stats) error {
	if err := v.open(); err != nil {
		return err
	}
	var mu sync.Mutex
	files := v.state.tenants[tenant]
	bounds := make(map[string]*fileSummary, len(files))
	err := newLookup(v.table, nil).summaries(ctx, files, func(_ context.Context, f *dataFile, sum *fileSummary) error {
		mu.Lock()
		defer mu.Unlock()
		bounds[f.key] = sum
		return nil
	})
	if err != nil && !errors.Is(err, tael.ErrDamaged) {
		return err
	}
	for _, f := range files {
		rows := f.rows - int64(len(v.state.deleted[f.key]))
		s.Spans += rows
		s.ColdSpans += rows
		s.ColdBytes += f.bytes
		s.ColdFiles++
		from, to := f.minStart, f.maxStart
		if sum := bounds[f.key]; sum != nil {
			from, to = sum.minStart, sum.maxStart
			s.Traces += sum.traces
		}
		if s.OldestStart == 0 || from < s.OldestStart {
			s.OldestStart = from
		}
		s.NewestStart = max(s.NewestStart, to)
		s.TracesExact = false
	}
	for _, f := range v.state.deletes {
		if f.tenant == tenant {
			s.ColdBytes += f.bytes
		}
	}
	return v.withDeletes(tenant, err)
}
