package fragment

import "encoding/binary"

// smallNumbers bounds the kinds and statuses that are gathered as bits.
const smallNumbers = 8

func kindTerms() (terms [smallNumbers]uint64) {
	for i := range terms {
		terms[i] = TermKind(int32(i))
	}
	return terms
}

func statusTerms() (terms [smallNumbers]uint64) {
	for i := range terms {
		terms[i] = TermStatus(int32(i))
	}
	return terms
}

// builder holds what a batch is made of, and the scratch of making it.
type builder struct {
	kinds, statuses [smallNumbers]uint64

	resources []Resource
	fragments []Fragment
	body      []byte
	terms     []uint64
	ends      []fragmentEnds

	// Of the trace at hand: its groups with their scopes, in order of arrival.
	groups []outGroup
	scopes []outScope
	// Where a group or scope of the request is among them; only right when the entry there names it.
	groupAt, scopeAt []int32
	seen             []uint64 // hash set of terms
}

// fragmentEnds says where a fragment ends in body and terms, which move while they grow.
type fragmentEnds struct{ body, terms int }

type outGroup struct {
	group       int32 // same of the cutGroup
	first, last int32 // scopes
}

type outScope struct {
	scope       int32 // same of the cutScope
	bytes       int
	first, last int32 // runs
	next        int32 // scope of the group
}

// build makes the batch of what request noted.
func (c *Cutter) build() {
	o := &c.out
	o.resources, o.fragments, o.terms, o.ends = kept(o.resources), kept(o.fragments), kept(o.terms), kept(o.ends)
	o.body = kept(o.body)
	o.groupAt, o.scopeAt = grown(o.groupAt, len(c.groups)), grown(o.scopeAt, len(c.scopes))
	for n := range c.traces {
		c.arrange(&c.traces[n])
		c.writeBody()
		c.writeTerms(&c.traces[n])
		o.ends = append(o.ends, fragmentEnds{len(o.body), len(o.terms)})
	}
	var from fragmentEnds
	for n := range c.traces {
		to := o.ends[n]
		o.fragments = append(o.fragments, Fragment{
			TraceID: c.traces[n].id,
			Header:  c.traces[n].header,
			Terms:   o.terms[from.terms:to.terms:to.terms],
			Body:    o.body[from.body:to.body:to.body],
		})
		from = to
	}
}

func grown(s []int32, n int) []int32 {
	if cap(s) < n {
		return make([]int32, n)
	}
	return s[:n]
}

// arrange brings the runs of a trace together that are in messages of the same content.
func (c *Cutter) arrange(t *cutTrace) {
	o := &c.out
	o.groups, o.scopes = o.groups[:0], o.scopes[:0]
	for n := t.first; n >= 0; n = c.runs[n].next {
		r := &c.runs[n]
		scope := &c.scopes[r.scope]
		if at := o.scopeAt[scope.same]; int(at) < len(o.scopes) && o.scopes[at].scope == scope.same {
			s := &o.scopes[at]
			c.runs[s.last].nextSame = n
			s.last = n
			s.bytes += int(r.bytes)
			continue
		}
		number := int32(len(o.scopes))
		o.scopeAt[scope.same] = number
		o.scopes = append(o.scopes, outScope{scope: scope.same, bytes: len(scope.scope.bytes) + int(r.bytes), first: n, last: n, next: -1})
		group := c.groups[scope.group].same
		if at := o.groupAt[group]; int(at) < len(o.groups) && o.groups[at].group == group {
			g := &o.groups[at]
			o.scopes[g.last].next = number
			g.last = number
			continue
		}
		o.groupAt[group] = int32(len(o.groups))
		o.groups = append(o.groups, outGroup{group: group, first: number, last: number})
	}
}

// writeBody appends the body of the trace that was arranged.
func (c *Cutter) writeBody() {
	o := &c.out
	for i := range o.groups {
		g := &o.groups[i]
		group := &c.groups[g.group]
		if group.resource.used != c.order {
			group.resource.used = c.order
			o.resources = append(o.resources, group.resource.Resource)
		}
		size := len(group.other)
		for n := g.first; n >= 0; n = o.scopes[n].next {
			size += 1 + uvarintLen(uint64(o.scopes[n].bytes)) + o.scopes[n].bytes
		}
		body := append(o.body, group.resource.ID[:]...)
		body = binary.AppendUvarint(body, uint64(size))
		body = append(body, group.other...)
		for n := g.first; n >= 0; n = o.scopes[n].next {
			s := &o.scopes[n]
			body = binary.AppendUvarint(append(body, tagGroupScopeSpans), uint64(s.bytes))
			body = append(body, c.scopes[s.scope].scope.bytes...)
			for run := s.first; run >= 0; run = c.runs[run].nextSame {
				for span := c.runs[run].first; span >= 0; span = c.spans[span].next {
					body = append(body, c.body[c.spans[span].start:c.spans[span].end]...)
				}
			}
		}
		o.body = body
	}
}

// writeTerms appends the distinct terms of the trace that was arranged.
func (c *Cutter) writeTerms(t *cutTrace) {
	o := &c.out
	most := int(t.terms) + 2*smallNumbers
	for i := range o.groups {
		most += len(c.groups[o.groups[i].group].resource.terms)
	}
	for i := range o.scopes {
		most += len(c.scopes[o.scopes[i].scope].scope.terms)
	}
	set := newTermSet(&o.seen, most, c.odd)
	terms := o.terms
	for i := range o.scopes {
		s := &o.scopes[i]
		for run := s.first; run >= 0; run = c.runs[run].nextSame {
			for span := c.runs[run].first; span >= 0; span = c.spans[span].next {
				terms = set.add(terms, c.terms[c.spans[span].firstTerm:c.spans[span].lastTerm])
			}
		}
		terms = set.add(terms, c.scopes[s.scope].scope.terms)
	}
	for i := range o.groups {
		terms = set.add(terms, c.groups[o.groups[i].group].resource.terms)
	}
	for i := range smallNumbers {
		if t.kinds>>i&1 != 0 {
			terms = append(terms, o.kinds[i])
		}
		if t.statuses>>i&1 != 0 {
			terms = append(terms, o.statuses[i])
		}
	}
	o.terms = terms
}
