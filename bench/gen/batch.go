package gen

import (
	"google.golang.org/protobuf/encoding/protowire"
)

const schemaURL = "https://opentelemetry.io/schemas/1.37.0"

// group gathers the spans of one pod in one request, by scope.
type group struct {
	spans [scopes][]byte // ScopeSpans.spans fields
}

// add appends a span; scratch is only a buffer to reuse.
func (p *group) add(g *Generator, s *shape, j int, scratch *[]byte) {
	op := &g.cat.ops[s.spans[j].op]
	*scratch = g.appendSpan((*scratch)[:0], s, j)
	at := &p.spans[classScope[op.class]]
	*at = appendBytesField(*at, fieldSpans, *scratch)
}

// scopeSize is the size of a ScopeSpans message, 0 if it has no spans.
func (p *group) scopeSize(scope []byte, i int) int {
	if len(p.spans[i]) == 0 {
		return 0
	}
	return len(scope) + len(p.spans[i])
}

// size is that of the ResourceSpans message of the group, 0 if it is empty.
func (p *group) size(cat *catalog, sv, pod int) int {
	n := 0
	for i := range scopes {
		if size := p.scopeSize(cat.scopes[sv][i], i); size > 0 {
			n += 1 + sizeVarint(size) + size
		}
	}
	if n == 0 {
		return 0
	}
	return n + len(cat.resources[sv][pod]) + 2 + len(schemaURL)
}

// appendTo appends the group as an ExportTraceServiceRequest.resource_spans field and empties it.
func (p *group) appendTo(b []byte, cat *catalog, sv, pod, size int) []byte {
	b = appendTag(b, 1, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b = append(b, cat.resources[sv][pod]...)
	for i := range scopes {
		scope := cat.scopes[sv][i]
		n := p.scopeSize(scope, i)
		if n == 0 {
			continue
		}
		b = appendTag(b, fieldScopeSpans, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(n))
		b = append(b, scope...)
		b = append(b, p.spans[i]...)
		p.spans[i] = p.spans[i][:0]
	}
	return appendStringField(b, fieldResourceSchema, schemaURL)
}

// collector makes requests as a Collector does that groups by resource.
type collector struct {
	g       *Generator
	groups  [][pods]group
	refs    []Ref
	scratch []byte
}

func newCollector(g *Generator) *collector {
	return &collector{g: g, groups: make([][pods]group, len(services))}
}

func (c *collector) put(s *shape, j int, yield func(Request) bool) bool {
	sp := &s.spans[j]
	c.groups[c.g.cat.ops[sp.op].service][sp.pod].add(c.g, s, j, &c.scratch)
	if c.refs == nil {
		c.refs = make([]Ref, 0, min(c.g.opts.SpansPerRequest, 4096))
	}
	c.refs = append(c.refs, Ref{Trace: uint32(s.trace), Span: uint8(j)})
	return len(c.refs) < c.g.opts.SpansPerRequest || c.flush(yield)
}

func (c *collector) flush(yield func(Request) bool) bool {
	if len(c.refs) == 0 {
		return true
	}
	var sizes [256]int
	total := 0
	for i := range c.groups {
		for pod := range pods {
			n := c.groups[i][pod].size(c.g.cat, i, pod)
			sizes[i*pods+pod] = n
			total += 1 + sizeVarint(n) + n
		}
	}
	body := make([]byte, 0, total)
	for i := range c.groups {
		for pod := range pods {
			if n := sizes[i*pods+pod]; n > 0 {
				body = c.groups[i][pod].appendTo(body, c.g.cat, i, pod, n)
			}
		}
	}
	req := Request{Body: body, Spans: len(c.refs), Refs: c.refs}
	c.refs = nil
	return yield(req)
}
