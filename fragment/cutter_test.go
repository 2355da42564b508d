package fragment

import (
	"testing"
	"time"
)

var testNow = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func TestCutAgreesWithGeneratedCode(t *testing.T) {
	r := newRand(t)
	c, d := NewCutter(DefaultLimits()), NewDecoder()
	spans, taken := 0, 0
	for i := range 5_000 {
		m := messer{Rand: r, now: testNow}
		if i%3 == 0 {
			m.bad = 30
		}
		checkCut(t, c, d, m.request(), testNow)
		if spans += len(c.made.Fragments); len(c.made.Fragments) > 0 {
			taken++
		}
		c.made = Batch{}
	}
	if spans < 4_000 || taken < 2_500 || taken == 5_000 {
		t.Fatalf("%d fragments in %d of 5000 requests: the test tests little", spans, taken)
	}
}

func TestCutAgentLoad(t *testing.T) {
	c, d := NewCutter(DefaultLimits()), NewDecoder()
	for _, body := range agentRequests(t, 2000) {
		checkCut(t, c, d, body, agentTime)
	}
}

func FuzzCut(f *testing.F) {
	r := newRand(f)
	for range 50 {
		m := messer{Rand: r, now: testNow}
		f.Add(m.request())
	}
	c, d := NewCutter(DefaultLimits()), NewDecoder()
	f.Fuzz(func(t *testing.T, body []byte) { checkCut(t, c, d, body, testNow) })
}
