package gen

// spanShape is all of a span that its neighbours or its place in time depend on. The attributes are
// drawn only when the span is encoded, from a seed of the span's own.
type spanShape struct {
	start, end uint64 // unix nanoseconds
	op         uint16
	parent     int8 // span number, -1 for the root
	pod        uint8
	failed     bool
}

// shape is one trace without its attributes.
type shape struct {
	trace int
	n     int
	spans [MaxTraceSpans]spanShape
}

// draw fills in trace i: an agent's run behind a gateway, where model calls, tools, databases and
// requests to other services follow each other, some of them nested.
func (s *shape) draw(g *Generator, i int) {
	r := g.traceRand(i, domainShape)
	podBits := g.traceRand(i, domainPods).state
	s.trace, s.n = i, g.TraceSpans(i)
	var own [MaxTraceSpans]uint64 // nanoseconds that are a span's own, not its children's
	var containers [MaxTraceSpans]int8
	var depth int
	gateway := g.cat.by[0][classServer]
	s.spans[0] = spanShape{op: gateway[r.below(len(gateway))], parent: -1}
	own[0] = 1_000_000 + uint64(r.below(4_000_000))
	containers[0], depth = 0, 1
	for j := 1; j < s.n; j++ {
		sp := &s.spans[j]
		var cl class
		prev := &g.cat.ops[s.spans[j-1].op]
		switch {
		case j == 1:
			sp.parent, cl = 0, classAgent
			sp.op = g.cat.by[1][classAgent][0]
		case prev.class == classClient && r.below(100) < 85:
			// The request that the previous span sent is received.
			sp.parent, cl = int8(j-1), classServer
			sp.op = pick(&r, g.cat.by[prev.target][classServer])
		default:
			cl = drawClass(&r)
			from := max(0, depth-3)
			sp.parent = containers[from+r.below(depth-from)]
			sp.op = g.pickOp(&r, s, sp, cl)
		}
		if cl == classServer || cl == classAgent || cl == classTool {
			containers[depth] = int8(j)
			depth++
		} else if depth > 2 && r.below(3) == 0 {
			depth--
		}
		own[j] = drawDuration(&r, cl)
	}
	for j := range s.n {
		op := &g.cat.ops[s.spans[j].op]
		s.spans[j].failed = r.below(1000) < 30
		s.spans[j].pod = uint8((podBits >> (5 * op.service)) & 31 % pods)
	}
	s.place(g.traceStart(i), &own)
}

// place gives every span its times: a span's children run one after the other within it.
func (s *shape) place(start uint64, own *[MaxTraceSpans]uint64) {
	var total, cursor [MaxTraceSpans]uint64
	copy(total[:], own[:])
	for j := s.n - 1; j > 0; j-- {
		total[s.spans[j].parent] += total[j] + gap(j)
	}
	for j := range s.n {
		at := start
		if p := s.spans[j].parent; p >= 0 {
			at = cursor[p]
			cursor[p] += total[j] + gap(j)
		}
		s.spans[j].start, s.spans[j].end = at, at+total[j]
		cursor[j] = at + own[j]/2
	}
}

func gap(j int) uint64 { return 50_000 + uint64(j)*1_013 }

func pick(r *rng, from []uint16) uint16 { return from[r.below(len(from))] }

// drawClass leaves out the root, the agent's span and what answers a client span, so 19.6 % here is
// 15 % of all spans.
func drawClass(r *rng) class {
	switch p := r.below(1000); {
	case p < 196:
		return classLLM
	case p < 600:
		return classDB
	case p < 830:
		return classClient
	default:
		return classTool
	}
}

// pickOp chooses an operation of the class in the parent's service. Only services that run agents
// call models, so a model call elsewhere becomes the agent's.
func (g *Generator) pickOp(r *rng, s *shape, sp *spanShape, cl class) uint16 {
	sv := g.cat.ops[s.spans[sp.parent].op].service
	if cl != classLLM {
		return pick(r, g.cat.by[sv][cl])
	}
	if services[sv].agent == "" {
		sv, sp.parent = 1, 1
	}
	p := r.below(100)
	for m, model := range models {
		if p -= model.weight; p < 0 {
			return g.cat.by[sv][classLLM][m]
		}
	}
	return g.cat.by[sv][classLLM][0]
}

// drawDuration is skewed as latencies are: most are near the low end, a few are many times longer.
func drawDuration(r *rng, cl class) uint64 {
	low, spread := uint64(300_000), 60_000_000.0
	switch cl {
	case classLLM:
		low, spread = 180_000_000, 6_000_000_000
	case classDB:
		low, spread = 200_000, 80_000_000
	case classClient:
		low, spread = 400_000, 12_000_000
	case classTool:
		low, spread = 500_000, 400_000_000
	}
	f := r.float()
	f *= f
	return low + uint64(f*f*spread)
}
