package spanfile

import (
	"github.com/taeldb/tael"
)

// elements are the members of a list of structs in the chosen rows: how many each row has.
func (b *spanBuilder) elements(first int, others ...int) (total int, perRow []int32, err error) {
	v := b.by[first]
	for _, leaf := range others {
		if err := aligned(v, b.by[leaf]); err != nil {
			return 0, nil, err
		}
	}
	if v.absent {
		return 0, nil, nil
	}
	perRow = make([]int32, len(b.spans))
	row := -1
	for e, d := range v.def {
		if v.rep[e] == 0 {
			row++
		}
		if d == v.maxDef {
			perRow[row]++
			total++
		}
	}
	return total, perRow, nil
}

// nestedMaps gives the attributes of every element: the maps of m, joined. Levels: a repetition of 0 starts a row, of 1 an element, of
// 2 an entry; a definition of 0 is a row without elements, of 1 an element without entries.
func (b *spanBuilder) nestedMaps(maps [2]mapLeaves, elements int) ([][]tael.KeyValue, error) {
	counts := make([]int, elements)
	walk := func(m mapLeaves, yield func(element, i int)) error {
		key, value := b.by[m.key], b.by[m.value]
		if err := aligned(key, value); err != nil {
			return err
		}
		if key.absent {
			return nil
		}
		element, i := -1, 0
		for e, d := range key.def {
			if d > 0 && key.rep[e] < 2 {
				if element++; element >= elements {
					return errEntries
				}
			}
			if d == key.maxDef {
				if element < 0 {
					return errEntries
				}
				yield(element, i)
				i++
			}
		}
		if element != elements-1 {
			return errEntries
		}
		return nil
	}
	total := 0
	for _, m := range maps {
		if err := walk(m, func(element, _ int) { counts[element]++; total++ }); err != nil {
			return nil, err
		}
	}
	out := make([][]tael.KeyValue, elements)
	slab := make([]tael.KeyValue, total)
	for i, n := range counts {
		if n > 0 {
			out[i], slab = slab[:0:n], slab[n:]
		}
	}
	for _, m := range maps {
		kv := b.pairs(m)
		var failed error
		if err := walk(m, func(element, i int) {
			pair, err := kv(i)
			if err != nil {
				failed = err
			}
			out[element] = append(out[element], pair)
		}); err != nil {
			return nil, err
		}
		if failed != nil {
			return nil, failed
		}
	}
	return out, nil
}

func (b *spanBuilder) events() error {
	l := &b.l.events
	total, perRow, err := b.elements(l.time, l.name, l.dropped)
	if err != nil || total == 0 {
		return err
	}
	attributes, err := b.nestedMaps(l.maps, total)
	if err != nil {
		return err
	}
	slab := make([]tael.Event, total)
	times, dropped, names := b.by[l.time], b.by[l.dropped], stringer{v: b.by[l.name]}
	for i := range slab {
		slab[i] = tael.Event{Time: uint64(times.int(i)), Name: names.at(i), Attributes: attributes[i], Dropped: uint32(dropped.int(i))}
	}
	for row, n := range perRow {
		if n > 0 {
			b.spans[row].Events, slab = slab[:n:n], slab[n:]
		}
	}
	return nil
}

func (b *spanBuilder) links() error {
	l := &b.l.links
	total, perRow, err := b.elements(l.traceID, l.spanID, l.traceState, l.flags, l.dropped)
	if err != nil || total == 0 {
		return err
	}
	attributes, err := b.nestedMaps(l.maps, total)
	if err != nil {
		return err
	}
	slab := make([]tael.Link, total)
	traces, spans, states := b.by[l.traceID], b.by[l.spanID], stringer{v: b.by[l.traceState]}
	flags, dropped := b.by[l.flags], b.by[l.dropped]
	for i := range slab {
		k := &slab[i]
		copy(k.TraceID[:], traces.fixed(i))
		copy(k.SpanID[:], spans.fixed(i))
		k.TraceState, k.Attributes = states.at(i), attributes[i]
		k.Flags, k.Dropped = uint32(flags.int(i)), uint32(dropped.int(i))
	}
	for row, n := range perRow {
		if n > 0 {
			b.spans[row].Links, slab = slab[:n:n], slab[n:]
		}
	}
	return nil
}
