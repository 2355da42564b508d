package gen

import (
	"math"
	"sort"
)

const (
	vocabularySize = 4096
	wordSlot       = 16 // every word lies in a slot of this size, so that copying one needs no length
	sampleBits     = 16
)

// vocabulary makes text whose words follow Zipf's law, as those of prompts and completions do: a
// few short words are most of it, and about nine bits of surprise a word remain for a compressor.
type vocabulary struct {
	slots   [vocabularySize * wordSlot]byte
	lengths [vocabularySize]uint8
	// samples maps 16 random bits to a word, each word as often as its rank asks.
	samples [1 << sampleBits]uint16
}

func newVocabulary(seed uint64) *vocabulary {
	v := &vocabulary{}
	for rank, word := range makeWords(seed) {
		copy(v.slots[rank*wordSlot:], word)
		v.slots[rank*wordSlot+len(word)] = ' '
		v.lengths[rank] = uint8(len(word) + 1)
	}
	var sum float64
	for rank := range vocabularySize {
		sum += zipf(rank)
	}
	at, acc := 0, 0.0
	for rank := range vocabularySize {
		acc += zipf(rank)
		for until := int(math.Round(acc / sum * (1 << sampleBits))); at < until; at++ {
			v.samples[at] = uint16(rank)
		}
	}
	return v
}

func zipf(rank int) float64 { return 1 / (float64(rank) + 1) }

// makeWords builds pronounceable words, the frequent ones short.
func makeWords(seed uint64) []string {
	r := rng{state: domainSeed(seed, domainWords)}
	onsets := []string{"b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "t", "v", "w", "st", "tr", "pr", "ch", "sh", "th", "cl", "gr", ""}
	vowels := []string{"a", "e", "i", "o", "u", "ai", "ea", "ou", "io"}
	codas := []string{"", "", "", "n", "r", "s", "t", "l", "d", "m", "ng", "ck", "st"}
	seen := make(map[string]bool, vocabularySize)
	words := make([]string, 0, vocabularySize)
	for len(words) < vocabularySize {
		syllables := 1 + r.below(5)
		var w string
		for range syllables {
			w += onsets[r.below(len(onsets))] + vowels[r.below(len(vowels))] + codas[r.below(len(codas))]
		}
		if len(words)%17 == 16 {
			w += []string{".", ",", "?", ":"}[r.below(4)]
		}
		if len(w) < wordSlot && len(w) > 1 && !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	// Frequent words are short in every language, but not strictly so.
	noise := make(map[string]int, len(words))
	for _, w := range words {
		noise[w] = len(w) + r.below(24)
	}
	sort.SliceStable(words, func(a, b int) bool { return noise[words[a]] < noise[words[b]] })
	return words
}

// appendText appends exactly n bytes of text. The last word may be cut.
func (v *vocabulary) appendText(b []byte, r *rng, n int) []byte {
	end := len(b) + n
	for len(b) < end {
		bits := r.next()
		for range 4 {
			w := int(v.samples[uint16(bits)])
			bits >>= sampleBits
			at := len(b)
			b = append(b, v.slots[w*wordSlot:(w+1)*wordSlot]...)
			b = b[:at+int(v.lengths[w])]
		}
	}
	return b[:end]
}
