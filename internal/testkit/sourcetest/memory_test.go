package sourcetest_test

import (
	"testing"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/internal/testkit/sourcetest"
)

func TestMemory(t *testing.T) {
	for name, shape := range map[string]func(*sourcetest.Memory){
		"default":    func(*sourcetest.Memory) {},
		"dictionary": func(m *sourcetest.Memory) { m.Dictionary, m.Cold = true, true },
		"small":      func(m *sourcetest.Memory) { m.BlockRows, m.BatchRows = 3, 2 },
		"large":      func(m *sourcetest.Memory) { m.BlockRows, m.BatchRows, m.Prune = 1000, 1000, true },
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(_ *testing.T, spans map[string][]tael.Span) query.Source {
				m := sourcetest.NewMemory()
				shape(m)
				sequence := uint64(0)
				for tenant, of := range spans {
					for _, s := range of {
						sequence++
						s.Sequence = sequence
						m.Add(tenant, s)
					}
				}
				if name == "large" {
					return sourcetest.Bulk{Memory: m}
				}
				return m
			})
		})
	}
}
