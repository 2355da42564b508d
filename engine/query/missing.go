package query

import (
	"errors"
	"slices"
	"strconv"
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

// note takes an error of a source: damage is remembered and the query goes on (nil), any other error is returned.
func (m *missing) note(source string, err error) error {
	if err == nil || !errors.Is(err, tael.ErrDamaged) {
		return err
	}
	m.add(source + ": " + err.Error())
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
