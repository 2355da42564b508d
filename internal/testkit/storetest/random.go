package storetest

import (
	"fmt"
	"strings"
	"testing"
)

// maxShrink bounds how often a failing history is tried again with steps left out.
const maxShrink = 60

// Random runs a random history of n steps on a store: requests with new, late, re-sent and changed spans of two tenants, flushes,
// restarts, and every kind of question in between, each answer compared with the model's. On a failure it prints the seed and
// the smallest history it finds that fails. newStore is called once, and again for every try at a smaller history.
func Random(t *testing.T, newStore func(t *testing.T) Harness, seed uint64, n int) {
	t.Helper()
	steps := newHistory(NewRand(seed), n)
	at, err := play(t.Context(), newStore(t), steps)
	if err == nil {
		return
	}
	first := err
	steps = steps[:at+1]
	steps, err = shrink(t, newStore, steps, err)
	var b strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&b, "%3d %s\n", i, s)
	}
	t.Fatalf("seed %d, step %d of %d: %v\nsmallest history found, %d steps:\n%s%v", seed, at, n, first, len(steps), b.String(), err)
}

// shrink takes out steps, many at first and one by one in the end, as long as the history still fails. The last step is the one that fails.
func shrink(t *testing.T, newStore func(t *testing.T) Harness, steps []step, err error) ([]step, error) {
	tries := 0
	fails := func(steps []step) (at int, bad error) {
		tries++
		t.Run(fmt.Sprintf("shrink %d", tries), func(t *testing.T) { at, bad = play(t.Context(), newStore(t), steps) })
		return at, bad
	}
	for size := len(steps) / 2; size > 0 && tries < maxShrink; {
		smaller := false
		for from := 0; from < len(steps)-1 && tries < maxShrink; {
			to := min(from+size, len(steps)-1)
			without := append(append([]step{}, steps[:from]...), steps[to:]...)
			if at, bad := fails(without); bad != nil {
				steps, err, smaller = without[:at+1], bad, true
			} else {
				from = to
			}
		}
		if size = min(size, max(1, len(steps)/2)); !smaller {
			size /= 2
		}
	}
	return steps, err
}
