package gen

import (
	"encoding/binary"
	"math/bits"
)

// golden is 2^64 divided by the golden ratio, the usual step between seeds that must not be alike.
const golden uint64 = 0x9e3779b97f4a7c15

// Each use of a trace's randomness has a domain of its own, so that one of them can be computed
// alone and none changes when another draws more.
const (
	domainID uint64 = iota + 1
	domainSpanID
	domainCount
	domainStart
	domainShape
	domainPods
	domainSpan
	domainCatalog
	domainWords
	domainUser
	domainOrder
	domainSession
	domainConversation
)

// rng is the wyrand generator: one multiplication a number, and any 64 bits are a seed. math/rand/v2
// would be as good, but costs an interface call a number, which shows at a microsecond a span.
type rng struct{ state uint64 }

func (r *rng) next() uint64 {
	r.state += 0xa0761d6478bd642f
	hi, lo := bits.Mul64(r.state, r.state^0xe7037ed1a0b428db)
	return hi ^ lo
}

// below is a number from 0 to n-1.
func (r *rng) below(n int) int {
	hi, _ := bits.Mul64(r.next(), uint64(n))
	return int(hi)
}

// float is a number from 0 to just under 1.
func (r *rng) float() float64 { return float64(r.next()>>11) / (1 << 53) }

// mix spreads x over all 64 bits (the finaliser of splitmix64); it is a bijection.
func mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// domainSeed is the seed of one use of the load's randomness.
func domainSeed(seed, domain uint64) uint64 { return mix(seed + domain*golden) }

func (g *Generator) traceSeed(i int, domain uint64) uint64 {
	return mix(domainSeed(g.opts.Seed, domain) + uint64(i))
}

func (g *Generator) traceRand(i int, domain uint64) rng {
	return rng{state: g.traceSeed(i, domain)}
}

func putUint64(b []byte, v uint64) { binary.BigEndian.PutUint64(b, v) }
