package query

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/taeldb/tael"
)

// Budget bounds one query. Zero is unbounded.
type Budget struct {
	Rows   int64 // tested against the filter
	Bytes  int64 // read from files or unpacked from hot fragments
	Memory int64 // held at one time for the answer, in bytes
}

// Pool bounds what all queries together hold, in bytes: each alone stays within its budget, but many at once would not fit the process. It is safe for
// concurrent use.
type Pool struct {
	limit int64
	held  atomic.Int64
}

// NewPool makes a pool of so many bytes.
func NewPool(limit int64) *Pool { return &Pool{limit: limit} }

// take adds n bytes (or gives them back, n < 0). A nil Pool has no bound.
func (p *Pool) take(n int64) error {
	if p != nil && p.held.Add(n) > p.limit && n > 0 {
		return fmt.Errorf("query: %w: the queries that run hold %d bytes of memory together: try again when some have ended", tael.ErrOverloaded, p.limit)
	}
	return nil
}

// Meter counts what a query reads and stops it at its budget. It is safe for concurrent use.
type Meter struct {
	budget Budget
	pool   *Pool

	mu     sync.Mutex
	read   tael.Explain
	memory int64
}

// NewMeter makes the meter of one query.
func NewMeter(b Budget) *Meter { return &Meter{budget: b} }

// Read adds what was read. The error is a tael.ErrBudget; the caller stops and returns it as it is. A nil Meter counts nothing.
func (m *Meter) Read(e tael.Explain) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read.HotFragments += e.HotFragments
	m.read.FilesRead += e.FilesRead
	m.read.FilesPruned += e.FilesPruned
	m.read.RowGroups += e.RowGroups
	m.read.Rows += e.Rows
	m.read.Bytes += e.Bytes
	if m.budget.Rows > 0 && m.read.Rows > m.budget.Rows {
		return fmt.Errorf("query: %w: %d rows read, the limit is %d: narrow the time range or the filter", tael.ErrBudget, m.read.Rows, m.budget.Rows)
	}
	if m.budget.Bytes > 0 && m.read.Bytes > m.budget.Bytes {
		return fmt.Errorf("query: %w: %d bytes read, the limit is %d: narrow the time range or the filter", tael.ErrBudget, m.read.Bytes, m.budget.Bytes)
	}
	return nil
}

// end gives back what the query still holds.
func (m *Meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.pool.take(-m.memory) // which cannot fail
	m.memory = 0
}

// Hold adds n bytes (or gives them back, n < 0) to what the query holds. The error is a tael.ErrBudget, or a tael.ErrOverloaded when the memory is
// held by others.
func (m *Meter) Hold(n int64) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.memory += n
	shared := m.pool.take(n)
	if m.budget.Memory > 0 && m.memory > m.budget.Memory {
		return fmt.Errorf("query: %w: the answer needs more than %d bytes of memory: ask for fewer rows", tael.ErrBudget, m.budget.Memory)
	}
	return shared
}

// Explain is what was read until now.
func (m *Meter) Explain() tael.Explain {
	if m == nil {
		return tael.Explain{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.read
}

// Extend gives the query as many rows and bytes again as its budget has, so that a query that is over it can finish with what it found.
func (m *Meter) Extend() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.budget.Rows > 0 {
		m.budget.Rows += m.read.Rows
	}
	if m.budget.Bytes > 0 {
		m.budget.Bytes += m.read.Bytes
	}
}

// spent reports whether the query is over its budget of rows or bytes.
func (m *Meter) spent() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.budget.Rows > 0 && m.read.Rows > m.budget.Rows || m.budget.Bytes > 0 && m.read.Bytes > m.budget.Bytes
}

// held is what the query holds now, in bytes.
func (m *Meter) held() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memory
}
