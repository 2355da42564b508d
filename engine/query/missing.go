package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/taeldb/tael"
)

// maxMissing bounds the names of unreadable parts in one answer.
const maxMissing = 20

// missing collects what a query could not read. It is safe for concurrent use.
type missing struct {
	mu    sync.Mutex
	names []string
	more  int
	away  map[string]error // sources that cannot be reached, with the error that said so
}

// note takes an error of a source: damage, and that the source cannot be reached, are remembered, a line each, and the query goes on (nil); any other
// error, also beside them, is returned.
func (m *missing) note(source string, err error) error {
	away := errors.Is(err, tael.ErrUnavailable)
	if !away && !errors.Is(err, tael.ErrDamaged) {
		return err
	}
	for _, more := range []error{tael.ErrBudget, tael.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, more) {
			return err
		}
	}
	text := err.Error()
	if away && !m.leave(source, err) {
		text = "" // the first error names it
	}
	for line := range strings.Lines(text) {
		m.add(source + ": " + strings.TrimSpace(line))
	}
	return nil
}

// leave remembers that a source cannot be reached. It is false when that was known.
func (m *missing) leave(source string, err error) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away[source] != nil {
		return false
	}
	if m.away == nil {
		m.away = map[string]error{}
	}
	m.away[source] = err
	return true
}

// isAway tells whether the source could not be reached in this query, which then does not wait for it again.
func (m *missing) isAway(source string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.away[source] != nil
}

// nothing is the error of an answer that is empty: nil when every source could be reached. What cannot be reached may hold what was asked for, and
// a client that does not look at "partial" must not take it for an end.
func (m *missing) nothing() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for source, err := range m.away {
		return fmt.Errorf("%s: %w", source, err)
	}
	return nil
}

func (m *missing) add(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case slices.Contains(m.names, name):
	case len(m.names) >= maxMissing:
		m.more++
	default:
		m.names = append(m.names, name)
	}
}

func (m *missing) any() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.names) > 0
}

func (m *missing) list() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := slices.Clone(m.names)
	slices.Sort(out)
	if m.more > 0 {
		out = append(out, strconv.Itoa(m.more)+" more unreadable parts")
	}
	return out
}
