package gen

// perTraceDirect is the largest number of spans of one trace in a direct request.
const perTraceDirect = 2

// direct makes requests as SDKs send them: one batch processor a pod, which exports what it has when
// it is full or when its oldest span has waited for five seconds of the load's time.
type direct struct {
	g       *Generator
	procs   [][pods]processor
	scratch []byte
}

// processor is the batch span processor of one pod. A span goes into the first of the waiting
// batches that has room for its trace; the first batch is the next to be exported.
type processor struct {
	waiting []*directBatch
	free    []*directBatch
}

type directBatch struct {
	group  group
	refs   []Ref
	counts map[uint32]int // spans of each trace in the batch
	oldest uint64         // end of the first span in the batch
}

func newDirect(g *Generator) *direct {
	return &direct{g: g, procs: make([][pods]processor, len(services))}
}

func (d *direct) put(s *shape, j int, yield func(Request) bool) bool {
	sp := &s.spans[j]
	sv, pod := int(d.g.cat.ops[sp.op].service), int(sp.pod)
	p := &d.procs[sv][pod]
	for len(p.waiting) > 0 && sp.end > p.waiting[0].oldest+uint64(directDelay) {
		if !d.export(sv, pod, yield) {
			return false
		}
	}
	trace := uint32(s.trace)
	b := p.batchFor(trace, d.g.opts.SpansPerRequest)
	if len(b.refs) == 0 {
		b.oldest = sp.end
	}
	b.group.add(d.g, s, j, &d.scratch)
	b.counts[trace]++
	b.refs = append(b.refs, Ref{Trace: trace, Span: uint8(j)})
	for len(p.waiting) > 0 && len(p.waiting[0].refs) >= d.g.opts.SpansPerRequest {
		if !d.export(sv, pod, yield) {
			return false
		}
	}
	return true
}

func (p *processor) batchFor(trace uint32, size int) *directBatch {
	for _, b := range p.waiting {
		if len(b.refs) < size && b.counts[trace] < perTraceDirect {
			return b
		}
	}
	var b *directBatch
	if n := len(p.free); n > 0 {
		b, p.free = p.free[n-1], p.free[:n-1]
	} else {
		b = &directBatch{counts: make(map[uint32]int)}
	}
	p.waiting = append(p.waiting, b)
	return b
}

func (d *direct) flush(yield func(Request) bool) bool {
	for sv := range d.procs {
		for pod := range pods {
			for len(d.procs[sv][pod].waiting) > 0 {
				if !d.export(sv, pod, yield) {
					return false
				}
			}
		}
	}
	return true
}

// export yields the first waiting batch of a pod.
func (d *direct) export(sv, pod int, yield func(Request) bool) bool {
	p := &d.procs[sv][pod]
	b := p.waiting[0]
	p.waiting = append(p.waiting[:0], p.waiting[1:]...)
	size := b.group.size(d.g.cat, sv, pod)
	body := b.group.appendTo(make([]byte, 0, size+6), d.g.cat, sv, pod, size)
	req := Request{Body: body, Spans: len(b.refs), Refs: b.refs}
	b.refs = nil
	clear(b.counts)
	p.free = append(p.free, b)
	return yield(req)
}
