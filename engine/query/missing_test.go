package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/taeldb/tael"
)

func TestMissingNotesDamage(t *testing.T) {
	damage := func(name string) error { return fmt.Errorf("file %s: %w", name, tael.ErrDamaged) }
	var m missing
	if err := m.note("cold", nil); err != nil || m.any() {
		t.Errorf("nothing: %v", err)
	}
	if err := m.note("cold", fmt.Errorf("read: %w", errors.Join(damage("b"), damage("a")))); err != nil {
		t.Error(err)
	}
	if err := m.note("cold", damage("a")); err != nil {
		t.Error(err)
	}
	if got, want := m.list(), []string{"cold: file a: damaged", "cold: read: file b: damaged"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, other := range []error{tael.ErrBudget, tael.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if err := m.note("cold", errors.Join(damage("c"), other)); !errors.Is(err, other) {
			t.Errorf("damage beside %v: got %v", other, err)
		}
	}
	if err := m.note("cold", errors.ErrUnsupported); !errors.Is(err, errors.ErrUnsupported) || len(m.list()) != 2 {
		t.Errorf("another error: got %v, %q", err, m.list())
	}
}

func TestMissingNotesSourcesThatAreAway(t *testing.T) {
	var m missing
	if err := m.note("hot", tael.ErrDamaged); err != nil || m.isAway("hot") || m.nothing() != nil {
		t.Errorf("damage: %v, %v", err, m.nothing())
	}
	for range 2 {
		if err := m.note("cold", fmt.Errorf("no route to host: %w", tael.ErrUnavailable)); err != nil {
			t.Error(err)
		}
	}
	if !m.isAway("cold") || m.isAway("hot") || !errors.Is(m.nothing(), tael.ErrUnavailable) {
		t.Errorf("away: %v", m.nothing())
	}
	if got, want := m.list(), []string{"cold: no route to host: unavailable", "hot: damaged"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, other := range []error{tael.ErrBudget, tael.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if err := m.note("far", fmt.Errorf("%w: %w", tael.ErrUnavailable, other)); !errors.Is(err, other) || m.isAway("far") {
			t.Errorf("beside %v: got %v", other, err)
		}
	}
}
