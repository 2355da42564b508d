package hot

import (
	"sync"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// record is what memory keeps of an entry. It holds no pointer, so that the garbage collector does not walk the index.
type record struct {
	header fragment.Header
	trace  tael.TraceID
	filter uint32 // where the filter begins in index.filters
	length uint32 // of the filter
	number uint32 // in the segment, from 1
	older  uint32 // 1 + the position of the trace's entry before this one; 0 when it is the first
	block  uint32 // position in index.blocks
	from   uint32 // where its body begins in the unpacked bodies of the block
	bytes  uint32 // of its body
	tenant uint16
}

// blockRecord is what memory keeps of a block: what its key is made of, and its size.
type blockRecord struct {
	trace  tael.TraceID // of its first entry
	number uint32       // of its first entry
	bytes  uint32       // of its bodies, unpacked
	tenant uint16
}

const (
	recordBytes = 104 // of memory, with its share of a growing slice
	blockMemory = 34  // the same of a blockRecord
	traceBytes  = 64  // of memory, of a trace in index.latest
)

type traceKey struct {
	trace  tael.TraceID
	tenant uint16
}

// index finds the entries of a segment. One goroutine adds; any number read a view. What was added never changes, so a view keeps
// seeing the entries that were there when it was taken, and no others.
type index struct {
	mu        sync.RWMutex
	records   []record
	blocks    []blockRecord
	filters   []byte
	latest    map[traceKey]uint32 // 1 + the position of the trace's newest entry
	tenants   []string
	tenantIDs map[string]uint16
	spans     int64
	bounds    Bounds
}

// Bounds are the times of a set of spans, in unix nanoseconds; all zero when there is none.
type Bounds struct {
	MinStart, MaxStart uint64
	MaxEnd             uint64
	MaxDuration        uint64 // of a span, nanoseconds
}

func newIndex() *index {
	return &index{latest: make(map[traceKey]uint32), tenantIDs: make(map[string]uint16)}
}

// indexBlock is a block to add. The filters of its entries are copied.
type indexBlock struct {
	tenant  string
	number  uint32 // of its first entry
	entries []fragment.Entry
}

// add makes the entries of blocks visible, all at once, and counts them and their spans. See full for what bounds the index.
func (x *index) add(blocks []indexBlock) (entries, spans int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range blocks {
		entries += len(blocks[i].entries)
		spans += x.addBlock(&blocks[i])
	}
	x.spans += int64(spans)
	return entries, spans
}

func (x *index) addBlock(b *indexBlock) (spans int) {
	tenant := x.tenant(b.tenant)
	x.blocks = append(x.blocks, blockRecord{trace: b.entries[0].TraceID, number: b.number, bytes: uint32(bodiesLen(b.entries)), tenant: tenant})
	for i := range b.entries {
		e := &b.entries[i]
		key := traceKey{trace: e.TraceID, tenant: tenant}
		x.records = append(x.records, record{
			header: e.Header, trace: e.TraceID,
			filter: uint32(len(x.filters)), length: uint32(len(e.Filter)),
			number: b.number + uint32(i), older: x.latest[key],
			block: uint32(len(x.blocks) - 1), from: uint32(e.From), bytes: uint32(e.Length),
			tenant: tenant,
		})
		x.filters = append(x.filters, e.Filter...)
		x.latest[key] = uint32(len(x.records))
		spans += int(e.Header.Spans)
		x.bounds.add(e.Header)
	}
	return spans
}

// bodiesLen is what the bodies of a block's entries have together, in bytes.
func bodiesLen(entries []fragment.Entry) int {
	if len(entries) == 0 {
		return 0
	}
	last := &entries[len(entries)-1]
	return last.From + last.Length
}

func (b *Bounds) add(h fragment.Header) {
	if h.Spans == 0 {
		return
	}
	if b.MinStart == 0 || h.MinStart < b.MinStart {
		b.MinStart = h.MinStart
	}
	b.MaxStart = max(b.MaxStart, h.MaxStart)
	b.MaxEnd = max(b.MaxEnd, h.MaxEnd)
	b.MaxDuration = max(b.MaxDuration, h.MaxDuration)
}

func (x *index) tenant(name string) uint16 {
	id, ok := x.tenantIDs[name]
	if !ok {
		id = uint16(len(x.tenants))
		x.tenants = append(x.tenants, name)
		x.tenantIDs[name] = id
	}
	return id
}

// maxTenants is the number of tenants that a segment takes, and maxFilters the bytes of filters: a segment that could pass one of them in
// the next group is sealed.
const (
	maxTenants = 1 << 15
	maxFilters = 1 << 30
)

// bytes is about the memory that the index takes.
func (x *index) bytes() int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return int64(len(x.records))*recordBytes + int64(len(x.blocks))*blockMemory + int64(len(x.filters)) + int64(len(x.latest))*traceBytes
}

// full tells whether the segment should be sealed for its index' sake.
func (x *index) full(limit int64) bool {
	if x.bytes() >= limit {
		return true
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.tenants) >= maxTenants || len(x.filters) >= maxFilters
}

// view is the index at one moment.
type view struct {
	index   *index
	records []record
	blocks  []blockRecord
	filters []byte
	tenants []string
	spans   int64
	bounds  Bounds
}

func (x *index) view() view {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return view{index: x, records: x.records, blocks: x.blocks, filters: x.filters, tenants: x.tenants, spans: x.spans, bounds: x.bounds}
}

// tenant gives the number of a tenant, false when the segment has nothing of it.
func (v *view) tenant(name string) (uint16, bool) {
	v.index.mu.RLock()
	defer v.index.mu.RUnlock()
	id, ok := v.index.tenantIDs[name]
	return id, ok && int(id) < len(v.tenants)
}

// trace appends the positions of a trace's entries to dst, oldest first.
func (v *view) trace(dst []uint32, key traceKey) []uint32 {
	v.index.mu.RLock()
	at := v.index.latest[key]
	first := len(dst)
	for ; at != 0; at = v.index.records[at-1].older {
		if int(at) <= len(v.records) {
			dst = append(dst, at-1)
		}
	}
	v.index.mu.RUnlock()
	for i, j := first, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return dst
}

// filter is the term filter of a record.
func (v *view) filter(r *record) []byte { return v.filters[r.filter : r.filter+r.length] }
