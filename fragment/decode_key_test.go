package fragment

import (
	"slices"
	"testing"

	"github.com/taeldb/tael"
)

type rowKey struct {
	id         tael.Identity
	version    tael.Version
	start, end uint64
}

func keyOf(r *Row) rowKey { return rowKey{r.Identity(), r.Version(), r.Start, r.End} }

// What Rows gives Keys gives too; bodies that Rows refuses Keys may take, because it does not look into everything.
func TestKeysOfRows(t *testing.T) {
	r := newRand(t)
	source := newSpanSource(r)
	c, d := NewCutter(DefaultLimits()), NewDecoder()
	damaged := 0
	for range 300 {
		batch, _, err := c.Cut("default", AppendOTLP([]byte{}, source.spans(20)), testNow)
		if err != nil {
			t.Fatal(err)
		}
		resources := map[ResourceID][]byte{}
		for _, res := range batch.Resources {
			resources[res.ID] = res.Bytes
		}
		for _, f := range batch.Fragments {
			body := slices.Clone(f.Body)
			for round := range 20 {
				var want, got []rowKey
				err := d.Rows(body, func(id ResourceID) ([]byte, error) { return resources[id], nil }, func(r *Row) error { want = append(want, keyOf(r)); return nil })
				err2 := d.Keys(body, func(r *Row) error { got = append(got, keyOf(r)); return nil })
				switch {
				case err == nil && (err2 != nil || !slices.Equal(got, want)):
					t.Fatalf("keys %v, %v, want %v", got, err2, want)
				case err != nil:
					damaged++
					if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
						t.Fatalf("keys %v before %v, want %v before %v", got, err2, want, err)
					}
				}
				if round == 0 && err != nil {
					t.Fatal(err)
				}
				body[r.IntN(len(body))] ^= 1 << r.IntN(8)
			}
		}
	}
	if damaged == 0 {
		t.Error("no body was damaged")
	}
}
