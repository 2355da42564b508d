// Package sourcetest holds a query.Source as simple as can be, spans in memory, and the conformance suite that every Source passes: a
// hot snapshot, a view of the cold table, and the memory one, which the query engine's own tests stand on.
package sourcetest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

// Memory is a Source of spans in memory, every version that was added. It keeps them in blocks by trace, as files and entries do, so that its bounds
// are loose and its batches overlap in time. Safe for concurrent use once all is added.
type Memory struct {
	// BlockRows is how many spans a block holds, and BatchRows how many of them a batch yields.
	BlockRows, BatchRows int
	// Dictionary makes string columns dictionaries.
	Dictionary bool
	// Prune leaves out of a scan what does not match, row by row; else whole blocks only.
	Prune bool
	// Blind makes a scan yield every block.
	Blind bool
	// Cold counts the spans as cold in Stats.
	Cold bool
	// Fault, when set, may fail a call: "scan", "next", "fetch", "trace" or "versions".
	Fault func(operation string) error

	tenants map[string][]tael.Span
}

// NewMemory makes a Source that holds spans of tael.DefaultTenant.
func NewMemory(spans ...tael.Span) *Memory {
	m := &Memory{BlockRows: 64, BatchRows: 16, tenants: map[string][]tael.Span{}}
	m.Add(tael.DefaultTenant, spans...)
	return m
}

var (
	_ query.Source    = (*Memory)(nil)
	_ query.Describer = (*Memory)(nil)
)

// Add adds spans of a tenant. It is not safe for concurrent use with anything else.
func (m *Memory) Add(tenant string, spans ...tael.Span) {
	all := append(m.tenants[tenant], spans...)
	slices.SortStableFunc(all, func(a, b tael.Span) int { return bytes.Compare(a.TraceID[:], b.TraceID[:]) })
	m.tenants[tenant] = all
}

func (m *Memory) fault(ctx context.Context, operation string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("memory source: %s: %w", operation, err)
	}
	if m.Fault != nil {
		return m.Fault(operation)
	}
	return nil
}

// Describe counts a hot segment or a cold file for each tenant.
func (m *Memory) Describe(e *tael.Explain) {
	if m.Cold {
		e.ColdFiles += len(m.tenants)
	} else {
		e.HotSegments += len(m.tenants)
	}
}

// Trace gives all versions of all spans of a trace.
func (m *Memory) Trace(ctx context.Context, tenant string, id tael.TraceID, _ tael.TraceOptions, meter *query.Meter) ([]tael.Span, error) {
	if err := m.fault(ctx, "trace"); err != nil {
		return nil, err
	}
	var out []tael.Span
	var held int64
	defer func() { _ = meter.Hold(-held) }()
	for _, s := range m.of(tenant, id) {
		n := query.SpanBytes(&s)
		held += n
		if err := meter.Hold(n); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, meter.Read(tael.Explain{HotFragments: 1, Bytes: int64(len(out))})
}

// Bulk is a Memory that reads several traces at once.
type Bulk struct{ *Memory }

var _ query.TracesReader = Bulk{}

// Traces gives all versions of all spans of the traces. It fails as "trace" does.
func (b Bulk) Traces(ctx context.Context, tenant string, ids []tael.TraceID, meter *query.Meter) ([]tael.Span, error) {
	var out []tael.Span
	var held int64
	defer func() { _ = meter.Hold(-held) }()
	for _, id := range ids {
		spans, err := b.Trace(ctx, tenant, id, tael.TraceOptions{}, meter)
		if err != nil {
			return nil, err
		}
		for i := range spans {
			n := query.SpanBytes(&spans[i])
			held += n
			if err := meter.Hold(n); err != nil {
				return nil, err
			}
		}
		out = append(out, spans...)
	}
	return out, nil
}

// of is the part of the tenant's spans that holds a trace.
func (m *Memory) of(tenant string, id tael.TraceID) []tael.Span {
	all := m.tenants[tenant]
	from, _ := slices.BinarySearchFunc(all, id, func(s tael.Span, id tael.TraceID) int { return bytes.Compare(s.TraceID[:], id[:]) })
	to := from
	for to < len(all) && all[to].TraceID == id {
		to++
	}
	return all[from:to]
}

// Versions yields all versions of all spans of the traces.
func (m *Memory) Versions(ctx context.Context, tenant string, ids []tael.TraceID, meter *query.Meter, yield func(tael.Identity, tael.Version)) error {
	if err := m.fault(ctx, "versions"); err != nil {
		return err
	}
	n := int64(0)
	for _, id := range ids {
		for _, s := range m.of(tenant, id) {
			yield(s.Identity(), s.Version())
			n++
		}
	}
	return meter.Read(tael.Explain{Bytes: n})
}

// Stats counts the tenant's spans and traces.
func (m *Memory) Stats(ctx context.Context, tenant string, s *tael.Stats) error {
	if err := m.fault(ctx, "stats"); err != nil {
		return err
	}
	all := m.tenants[tenant]
	for i := range all {
		if i == 0 || all[i].TraceID != all[i-1].TraceID {
			s.Traces++
		}
		if s.OldestStart == 0 || all[i].Start < s.OldestStart {
			s.OldestStart = all[i].Start
		}
		s.NewestStart = max(s.NewestStart, all[i].Start)
	}
	if m.Cold {
		s.ColdSpans += int64(len(all))
		s.ColdBytes += int64(len(all))
		s.ColdFiles++
	} else {
		s.HotSpans += int64(len(all))
		s.HotSegments++
	}
	return nil
}

// Scan cuts the tenant's spans into blocks and orders those by their best rows.
func (m *Memory) Scan(ctx context.Context, req query.ScanRequest) (query.Scan, error) {
	if err := m.fault(ctx, "scan"); err != nil {
		return nil, err
	}
	s := &scan{memory: m, req: req, spans: m.tenants[req.Tenant]}
	for from := 0; from < len(s.spans); from += m.BlockRows {
		b := block{}
		for i := from; i < min(len(s.spans), from+m.BlockRows); i++ {
			matches := req.Filter.Matches(&s.spans[i])
			if m.Prune && !matches {
				continue
			}
			b.matches = b.matches || matches || m.Blind
			b.bound = max(b.bound, sortKey(req.Sort, &s.spans[i]))
			b.rows = append(b.rows, i)
		}
		if b.matches {
			s.blocks = append(s.blocks, b)
		}
	}
	slices.SortFunc(s.blocks, func(a, b block) int { return cmp.Compare(b.bound, a.bound) })
	return s, nil
}

func sortKey(sort tael.Sort, s *tael.Span) uint64 {
	if sort == tael.SortDuration {
		return s.Duration()
	}
	return s.Start
}

type block struct {
	rows    []int // indexes of scan.spans, which are the locators too
	bound   uint64
	matches bool
}

type scan struct {
	memory *Memory
	req    query.ScanRequest
	spans  []tael.Span
	blocks []block
	at     int // in the first block
	closed bool
}

// Bound is that of the first block: the others are not above it.
func (s *scan) Bound() (uint64, bool) {
	if len(s.blocks) == 0 || s.closed {
		return 0, false
	}
	return s.blocks[0].bound, true
}

// Next yields a part of the first block. A fault loses the batch only when it is damage.
func (s *scan) Next(ctx context.Context) (arrow.RecordBatch, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memory source: next: %w", err)
	}
	if len(s.blocks) == 0 || s.closed {
		return nil, io.EOF
	}
	rows := s.blocks[0].rows[s.at:]
	rows = rows[:min(len(rows), s.memory.BatchRows)]
	if s.at += len(rows); s.at == len(s.blocks[0].rows) {
		s.blocks, s.at = s.blocks[1:], 0
	}
	if err := s.memory.fault(ctx, "next"); err != nil {
		return nil, err
	}
	if err := s.req.Meter.Read(tael.Explain{Rows: int64(len(rows)), Bytes: int64(len(rows))}); err != nil {
		return nil, err
	}
	return buildBatch(s.req.Columns, s.memory.Dictionary, s.spans, rows), nil
}

// Fetch gives the spans at indexes.
func (s *scan) Fetch(ctx context.Context, rows []int64) ([]tael.Span, error) {
	if err := s.memory.fault(ctx, "fetch"); err != nil {
		return nil, err
	}
	if s.closed {
		return nil, fmt.Errorf("memory source: fetch: %w", tael.ErrClosed)
	}
	out := make([]tael.Span, len(rows))
	for i, row := range rows {
		if row < 0 || row >= int64(len(s.spans)) {
			return nil, fmt.Errorf("memory source: fetch: %w: row %d of %d", tael.ErrInvalid, row, len(s.spans))
		}
		out[i] = s.spans[row]
	}
	return out, s.req.Meter.Read(tael.Explain{Bytes: int64(len(out))})
}

// Close ends the scan.
func (s *scan) Close() { s.closed = true }
