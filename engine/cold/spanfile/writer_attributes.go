package spanfile

import (
	"bytes"
	"unicode/utf8"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// attributeColumns routes attributes to columns: docs/formats/spanfile.md has the rules.
type attributeColumns struct {
	keys       map[string]*attributeKey
	last       *attributeKey      // the one that key gave last
	terms      *termSet           // gets those of the attributes
	known      map[string]*column // promoted, by key
	maps       [mapKinds]mapColumns
	events     eventColumns
	links      linkColumns
	serial     uint64 // of the row, event or link that is being put, for attributeKey.seen
	generation int    // of the row group, for attributeKey.entries
	scratch    []byte
}

// The maps of a span's attributes.
const (
	mapString = iota
	mapInt
	mapDouble
	mapBool
	mapOther
	mapKinds
)

// maxKeys bounds what is remembered of keys.
const maxKeys = 1 << 14

// attributeKey is what is known of a key.
type attributeKey struct {
	text       []byte  // UTF-8
	column     *column // of its own, or nil
	kind       tael.Kind
	seen       uint64 // serial of the last that had it
	generation int
	entries    [mapKinds]int32 // of the key in the maps' dictionaries, in this generation
	termed     bool            // the term of the key alone is in the set, in this generation
	next       *attributeKey   // the one that followed last time: most often it does again
}

type mapColumns struct{ key, value *column }

func (m *mapColumns) bind(byPath map[string]*column, path string) {
	m.key, m.value = byPath[path+"."+groupMap+".key"], byPath[path+"."+groupMap+".value"]
}

type eventColumns struct {
	time, name, dropped *column
	strings, other      mapColumns
}

type linkColumns struct {
	traceID, spanID, state, flags, dropped *column
	strings, other                         mapColumns
}

func (a *attributeColumns) bind(byPath map[string]*column, columns []*column) {
	a.keys, a.known, a.last = map[string]*attributeKey{}, map[string]*column{}, &attributeKey{}
	for _, c := range columns {
		if c.Span != "" {
			a.known[c.Span] = c
		}
	}
	for i, name := range [...]string{"attributes_string", "attributes_int", "attributes_double", "attributes_bool", "attributes_other"} {
		a.maps[i].bind(byPath, name)
	}
	const event, link = "events.list.element.", "links.list.element."
	a.events.time, a.events.name, a.events.dropped = byPath[event+"time_unix_nano"], byPath[event+"name"], byPath[event+"dropped_attributes_count"]
	a.links.traceID, a.links.spanID, a.links.state = byPath[link+"trace_id"], byPath[link+"span_id"], byPath[link+"trace_state"]
	a.links.flags, a.links.dropped = byPath[link+"flags"], byPath[link+"dropped_attributes_count"]
	a.events.strings.bind(byPath, event+"attributes")
	a.events.other.bind(byPath, event+"attributes_other")
	a.links.strings.bind(byPath, link+"attributes")
	a.links.other.bind(byPath, link+"attributes_other")
}

// startGroup forgets the dictionaries' entries.
func (a *attributeColumns) startGroup() {
	a.generation++
	if len(a.keys) > maxKeys {
		clear(a.keys)
		a.last = &attributeKey{} // nothing leads to the keys that were known: each is known once
	}
}

// key finds what is known of a key.
func (a *attributeColumns) key(b []byte) *attributeKey {
	k := a.last.next
	if k == nil || !bytes.Equal(k.text, b) {
		if k = a.keys[string(b)]; k == nil {
			if !utf8.Valid(b) {
				return a.key(validText(b))
			}
			k = a.add(b)
		}
		a.last.next = k
	}
	a.last = k
	if k.generation != a.generation {
		k.generation, k.termed = a.generation, false
		for i := range k.entries {
			k.entries[i] = noIndex
		}
	}
	return k
}

// add makes a key known.
func (a *attributeColumns) add(b []byte) *attributeKey {
	k := &attributeKey{text: bytes.Clone(b), column: a.known[string(b)], generation: -1}
	if k.column != nil {
		switch k.column.Type {
		case String:
			k.kind = tael.KindString
		case Double:
			k.kind = tael.KindDouble
		default:
			k.kind = tael.KindInt
		}
	}
	a.keys[string(k.text)] = k
	return k
}

// put adds the attributes, events and links of the row.
func (a *attributeColumns) put(r *fragment.Row, row int64) {
	a.serial++
	var rep [mapKinds]byte
	for i := range r.Attributes {
		at := &r.Attributes[i]
		k := a.key(at.Key)
		m := mapOther
		if k.seen != a.serial {
			k.seen = a.serial
			if m = a.typed(at); k.column != nil && k.kind == at.Kind && m != mapOther {
				a.putOwn(k, at, row)
				continue
			}
		}
		a.addTerm(k, at)
		to := &a.maps[m]
		to.key.group.element(row, rep[m], 1)
		rep[m] = 1
		a.putKey(to.key, k, m)
		a.putValue(to.value, at, m)
	}
	if len(r.Events) > 0 {
		a.putEvents(r.Events, row)
	}
	if len(r.Links) > 0 {
		a.putLinks(r.Links, row)
	}
}

// putOwn adds an attribute to the column of its key.
func (a *attributeColumns) putOwn(k *attributeKey, at *fragment.Attr, row int64) {
	c := k.column
	before := c.entries()
	c.group.value(row)
	var entry int32
	if at.Kind == tael.KindString {
		entry = c.putText(at.Bytes)
	} else {
		entry = c.putNumber(at.Num)
	}
	if entry == noIndex || int(entry) >= before { // else a row of the row group had the value
		a.addTerm(k, at)
	}
}

// addTerm adds the attribute's term.
func (a *attributeColumns) addTerm(k *attributeKey, at *fragment.Attr) {
	if fragment.TermIsOfKey(at) && bytes.Equal(k.text, at.Key) { // not when the key was no UTF-8, and so is k's with others
		if k.termed {
			return
		}
		k.termed = true
	}
	a.terms.addAttribute(at)
}

// typed is the map that takes the first attribute of a key.
func (a *attributeColumns) typed(at *fragment.Attr) int {
	switch at.Kind {
	case tael.KindString:
		if utf8.Valid(at.Bytes) {
			return mapString
		}
	case tael.KindInt:
		return mapInt
	case tael.KindDouble:
		return mapDouble
	case tael.KindBool:
		return mapBool
	}
	return mapOther
}

// putKey adds a key by its entry of the map's dictionary.
func (a *attributeColumns) putKey(c *column, k *attributeKey, m int) {
	if k.entries[m] == noIndex || c.encoding != Dictionary {
		k.entries[m] = c.putText(k.text)
		return
	}
	c.putIndex(k.entries[m])
}

func (a *attributeColumns) putValue(c *column, at *fragment.Attr, m int) {
	switch m {
	case mapString:
		c.putText(at.Bytes)
	case mapOther:
		a.scratch = appendAttr(a.scratch[:0], at)
		c.putText(a.scratch)
	default:
		c.putNumber(at.Num)
	}
}
