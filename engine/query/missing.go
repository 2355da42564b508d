package query

import (
	"context"
	"errors"
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
}

// note takes an error of a source: damage is remembered, a line each, and the query goes on (nil); any other error, also beside damage, is
// returned.
func (m *missing) note(source string, err error) error {
	if !errors.Is(err, tael.ErrDamaged) {
		return err
	}
	for _, more := range []error{tael.ErrBudget, tael.ErrUnavailable, tael.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, more) {
			return err
		}
	}
	for line := range strings.Lines(err.Error()) {
		m.add(source + ": " + strings.TrimSpace(line))
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
