package spanfile

import (
	"context"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// attribute is what a key names in each row of a selection: tael.Span.Attribute.
type attribute struct {
	kinds  []tael.Kind // by row; with present
	found  []bool
	texts  []*values // where strings are; see text
	text   []textRef // by row
	number []int64   // by row: an integer, the bits of a double, 0 or 1
	left   int       // rows without a value yet
}

// textRef is a string: value at of texts[list].
type textRef struct {
	list uint32
	at   uint32
}

// attributeKeys lists the leaves that tell where the key's values are.
func (s *selection) attributeKeys(key string) []int {
	l := s.r.f.shared.layout
	var leaves []int
	if leaf, ok := l.byKey[key]; ok {
		leaves = append(leaves, leaf)
	}
	for _, m := range l.maps {
		leaves = append(leaves, m.key)
	}
	return append(leaves, l.resource, l.scope)
}

// attribute keeps the rows whose attribute matches.
func (s *selection) attribute(ctx context.Context, m *tael.AttributeMatch) error {
	a, err := s.resolve(ctx, m.Key)
	if err != nil {
		return err
	}
	const untested, no, yes = 0, 1, 2
	verdicts := make([][]uint8, len(a.texts))
	for i, t := range a.texts {
		verdicts[i] = make([]uint8, max(len(t.ends)-1, 0))
	}
	absent, other := m.Matches(tael.Value{}, false), m.Matches(tael.Value{}, true)
	keep := s.keep[:0]
	for row := range s.rows {
		var pass bool
		switch {
		case !a.found[row]:
			pass = absent
		case a.kinds[row] == tael.KindString:
			t := a.text[row]
			verdict := &verdicts[t.list][t.at]
			if *verdict == untested {
				*verdict = no
				if m.MatchesString(a.texts[t.list].text(int(t.at))) {
					*verdict = yes
				}
			}
			pass = *verdict == yes
		case a.kinds[row] == tael.KindInt:
			pass = m.MatchesInt(a.number[row])
		case a.kinds[row] == tael.KindDouble:
			pass = m.MatchesDouble(math.Float64frombits(uint64(a.number[row])))
		case a.kinds[row] == tael.KindBool:
			pass = m.MatchesBool(a.number[row] != 0)
		default:
			pass = other
		}
		if pass {
			keep = append(keep, int32(row))
		}
	}
	s.keep = keep
	s.narrow(keep)
	return nil
}

// resolve finds the values of a key: the promoted column, then the maps, then the resource, then the scope. attributeKeys must be loaded.
func (s *selection) resolve(ctx context.Context, key string) (*attribute, error) {
	n := s.len()
	a := &attribute{kinds: make([]tael.Kind, n), found: make([]bool, n), left: n}
	l := s.r.f.shared.layout
	if leaf, ok := l.byKey[key]; ok {
		v, err := s.vector(leaf)
		if err != nil {
			return nil, err
		}
		a.flat(v, kindOf(l.leaves[leaf].Type))
	}
	for _, m := range l.maps {
		if a.left == 0 {
			return a, nil
		}
		if err := s.mapped(ctx, a, m, key); err != nil {
			return nil, err
		}
	}
	if err := s.derived(a, l.resource, otlpResourceAttributes, key); err != nil {
		return nil, err
	}
	return a, s.derived(a, l.scope, otlpScopeAttributes, key)
}

func kindOf(t Type) tael.Kind {
	switch t {
	case Long, Int:
		return tael.KindInt
	case Double:
		return tael.KindDouble
	case Boolean:
		return tael.KindBool
	}
	return tael.KindString
}

// set gives a row its value: value i of v.
func (a *attribute) set(row int, kind tael.Kind, v *vector, list uint32, i int) {
	a.found[row], a.kinds[row] = true, kind
	a.left--
	if kind == tael.KindString {
		if v.dict != nil {
			i = int(v.index[i])
		}
		a.setText(row, list, i)
		return
	}
	a.setNumber(row, v.int(i))
}

func (a *attribute) setText(row int, list uint32, i int) {
	if a.text == nil {
		a.text = make([]textRef, len(a.found))
	}
	a.text[row] = textRef{list, uint32(i)}
}

func (a *attribute) setNumber(row int, n int64) {
	if a.number == nil {
		a.number = make([]int64, len(a.found))
	}
	a.number[row] = n
}

// list notes where strings of a vector are.
func (a *attribute) list(v *vector) uint32 {
	if v.dict != nil {
		a.texts = append(a.texts, v.dict)
	} else {
		a.texts = append(a.texts, &v.values)
	}
	return uint32(len(a.texts) - 1)
}

// flat takes the values of a promoted column.
func (a *attribute) flat(v *vector, kind tael.Kind) {
	if v.absent {
		return
	}
	list := uint32(0)
	if kind == tael.KindString {
		list = a.list(v)
	}
	i := 0
	for row, d := range v.def {
		if d == v.maxDef {
			a.set(row, kind, v, list, i)
			i++
		}
	}
}

// mapped takes the values that a map has under the key.
func (s *selection) mapped(ctx context.Context, a *attribute, m mapLeaves, key string) error {
	if words, all := s.r.words(m.key, s.ranges); all && words.word(key) < 0 {
		return nil
	}
	keys, err := s.vector(m.key)
	if err != nil || keys.absent {
		return err
	}
	wanted, found := keys.find(key)
	if !found {
		return nil
	}
	var rows, entries []int32 // of the first entry under the key in each row that has no value yet
	row, i := -1, int32(-1)
	for e, d := range keys.def {
		if keys.rep[e] == 0 {
			row++
		}
		if d != keys.maxDef {
			continue
		}
		if i++; !a.found[row] && wanted(int(i)) && (len(rows) == 0 || rows[len(rows)-1] != int32(row)) {
			rows, entries = append(rows, int32(row)), append(entries, i)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := s.r.load(ctx, []int{m.value}, s.ranges); err != nil {
		return err
	}
	v, err := s.vector(m.value)
	if err != nil {
		return err
	}
	if aligned(keys, v) != nil {
		return s.r.f.damage(s.r.f.place(s.r.i, m.value), errEntries)
	}
	if m.kind != tael.KindEmpty {
		list := uint32(0)
		if m.kind == tael.KindString {
			list = a.list(v)
		}
		for k, row := range rows {
			a.set(int(row), m.kind, v, list, int(entries[k]))
		}
		return nil
	}
	for k, row := range rows {
		value, err := fragment.ParseValue(v.blob(int(entries[k])))
		if err != nil {
			return s.r.f.damage(s.r.f.place(s.r.i, m.value), err)
		}
		a.give(int(row), value)
	}
	return nil
}

// find gives a test whether value i of a text vector is the text; false when none is.
func (v *vector) find(text string) (func(i int) bool, bool) {
	if v.dict == nil {
		return func(i int) bool { return v.values.text(i) == text }, true
	}
	k := v.dict.word(text)
	return func(i int) bool { return v.index[i] == uint32(k) }, k >= 0
}

// word is the place of a text, -1 when it is not there.
func (v *values) word(text string) int {
	for i := range len(v.ends) - 1 {
		if string(v.bytes(i)) == text {
			return i
		}
	}
	return -1
}

// give sets a row's value to one that is not in a column.
func (a *attribute) give(row int, v tael.Value) {
	a.found[row], a.kinds[row] = true, v.Kind()
	a.left--
	switch v.Kind() {
	case tael.KindString:
		one := &values{data: []byte(v.AsString()), ends: []int32{0, int32(len(v.AsString()))}}
		a.texts = append(a.texts, one)
		a.setText(row, uint32(len(a.texts)-1), 0)
	case tael.KindInt:
		a.setNumber(row, v.AsInt())
	case tael.KindDouble:
		a.setNumber(row, int64(math.Float64bits(v.AsDouble())))
	case tael.KindBool:
		n := int64(0)
		if v.AsBool() {
			n = 1
		}
		a.setNumber(row, n)
	}
}

// derived takes the values that resources or scopes have under the key, in the list of attributes that is the field number list of their
// message: each content is looked at once.
func (s *selection) derived(a *attribute, leaf int, list protowire.Number, key string) error {
	if a.left == 0 {
		return nil
	}
	lookup := func(raw []byte) (tael.Value, bool, error) {
		v, ok, err := findAttribute(raw, list, key)
		if err != nil {
			err = s.r.f.damage(s.r.f.place(s.r.i, leaf), err)
		}
		return v, ok, err
	}
	if words, all := s.r.words(leaf, s.ranges); all {
		any := false
		for i := range words.len(s.r.f.shared.layout.shapes[leaf]) {
			_, ok, err := lookup(words.bytes(i))
			if err != nil {
				return err
			}
			any = any || ok
		}
		if !any {
			return nil
		}
	}
	v, err := s.vector(leaf)
	if err != nil {
		return err
	}
	const unknown, none = 0, 1 // else the row that has it first, and 2
	seen := map[string]int{}
	var byWord []int
	if v.dict != nil {
		byWord = make([]int, v.dict.len(v.shape))
	}
	for row := range s.rows {
		if a.found[row] {
			continue
		}
		var known int
		if byWord != nil {
			known = byWord[v.index[row]]
		} else {
			known = seen[string(v.blob(row))]
		}
		if known == unknown {
			value, ok, err := lookup(v.blob(row))
			if err != nil {
				return err
			}
			if known = none; ok {
				known = row + 2
				a.give(row, value)
			}
			if byWord != nil {
				byWord[v.index[row]] = known
			} else {
				seen[string(v.blob(row))] = known
			}
			continue
		}
		if known > none {
			a.same(row, known-2)
		}
	}
	return nil
}

// same gives a row the value of another one.
func (a *attribute) same(row, as int) {
	a.found[row], a.kinds[row] = true, a.kinds[as]
	a.left--
	if a.text != nil {
		a.text[row] = a.text[as]
	}
	if a.number != nil {
		a.number[row] = a.number[as]
	}
}
