package spanfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/taeldb/tael"
)

// layout is the schema as the reader uses it: the numbers of the leaves that make up a span.
type layout struct {
	leaves []Leaf
	shapes []shape

	traceID, spanID, parent, start, startNanos, duration, sequence, name, service, kind, status int
	statusMessage, flags, traceState, droppedAttributes, droppedEvents, droppedLinks            int
	scope, resource                                                                             int

	promoted []int          // of span attributes, in file order
	byKey    map[string]int // attribute key to its promoted leaf
	maps     []mapLeaves    // of the other span attributes
	events   eventLeaves
	links    linkLeaves

	whole    []int // the leaves that a tael.Span is made of, in file order
	versions []int // the leaves that an identity and a version are made of
}

// mapLeaves is a map from a key to values of one kind; KindEmpty stands for AnyValue messages of any kind.
type mapLeaves struct {
	kind       tael.Kind
	key, value int
}

type eventLeaves struct {
	time, name, dropped int
	maps                [2]mapLeaves
}

type linkLeaves struct {
	traceID, spanID, traceState, flags, dropped int
	maps                                        [2]mapLeaves
}

// newLayout finds the leaves by their paths.
func newLayout(leaves []Leaf) (*layout, error) {
	l := &layout{leaves: leaves, byKey: map[string]int{}}
	byPath := map[string]int{}
	for i, leaf := range leaves {
		byPath[strings.Join(leaf.Path, ".")] = i
		l.shapes = append(l.shapes, shape{physical: leaf.Physical, width: int(leaf.Length), maxDef: uint8(leaf.MaxDef), maxRep: uint8(leaf.MaxRep)})
		if leaf.Span != "" {
			l.promoted = append(l.promoted, i)
			l.byKey[leaf.Span] = i
		}
	}
	var errs []error
	at := func(path string) int {
		i, ok := byPath[path]
		if !ok {
			errs = append(errs, fmt.Errorf("span file: the schema has no column %s", path))
		}
		return i
	}
	pair := func(path string, kind tael.Kind) mapLeaves {
		return mapLeaves{kind, at(path + ".key_value.key"), at(path + ".key_value.value")}
	}
	l.traceID, l.spanID, l.parent = at("trace_id"), at("span_id"), at("parent_span_id")
	l.start, l.startNanos, l.duration, l.sequence = at("start_time"), at("start_nanos"), at("duration_nano"), at("sequence")
	l.name, l.service, l.kind, l.status = at("name"), at("service"), at("kind"), at("status_code")
	l.statusMessage, l.flags, l.traceState = at("status_message"), at("flags"), at("trace_state")
	l.droppedAttributes, l.droppedEvents, l.droppedLinks = at("dropped_attributes_count"), at("dropped_events_count"), at("dropped_links_count")
	l.scope, l.resource = at("scope_otlp"), at("resource_otlp")
	l.maps = []mapLeaves{
		pair("attributes_string", tael.KindString), pair("attributes_int", tael.KindInt), pair("attributes_double", tael.KindDouble),
		pair("attributes_bool", tael.KindBool), pair("attributes_other", tael.KindEmpty),
	}
	const event, link = "events.list.element.", "links.list.element."
	l.events = eventLeaves{
		time: at(event + "time_unix_nano"), name: at(event + "name"), dropped: at(event + "dropped_attributes_count"),
		maps: [2]mapLeaves{pair(event+"attributes", tael.KindString), pair(event+"attributes_other", tael.KindEmpty)},
	}
	l.links = linkLeaves{
		traceID: at(link + "trace_id"), spanID: at(link + "span_id"), traceState: at(link + "trace_state"),
		flags: at(link + "flags"), dropped: at(link + "dropped_attributes_count"),
		maps: [2]mapLeaves{pair(link+"attributes", tael.KindString), pair(link+"attributes_other", tael.KindEmpty)},
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	l.versions = []int{l.traceID, l.spanID, l.start, l.startNanos, l.duration, l.sequence, l.kind}
	l.whole = append(l.whole, l.traceID, l.spanID, l.parent, l.start, l.startNanos, l.duration, l.sequence, l.name, l.kind, l.status,
		l.statusMessage, l.flags, l.traceState, l.droppedAttributes, l.droppedEvents, l.droppedLinks, l.scope, l.resource)
	l.whole = append(l.whole, l.promoted...)
	for _, m := range l.maps {
		l.whole = append(l.whole, m.key, m.value)
	}
	l.whole = append(l.whole, l.events.time, l.events.name, l.events.dropped)
	l.whole = append(l.whole, l.links.traceID, l.links.spanID, l.links.traceState, l.links.flags, l.links.dropped)
	for _, m := range [...]mapLeaves{l.events.maps[0], l.events.maps[1], l.links.maps[0], l.links.maps[1]} {
		l.whole = append(l.whole, m.key, m.value)
	}
	slices.Sort(l.whole)
	return l, nil
}
