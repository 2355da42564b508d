package fragment

import (
	"bytes"
	"hash/maphash"
)

// cutCache remembers the resources and scopes of former requests, so that each is decoded once.
type cutCache struct {
	seed      maphash.Seed
	resources map[uint64]*cutResource // by the hash of their bytes under the seed: an id costs more than looking for it
	contexts  map[string]*cutContext  // "r" or "s" and the bytes
	key       []byte
	size      int
}

// cutSeen says which number something had in the request of that order.
type cutSeen struct {
	order  uint64
	number int32
}

type cutResource struct {
	Resource
	terms []uint64
	seen  cutSeen
	used  uint64 // order of the request whose batch has the resource
}

// cutContext is the fields of a ResourceSpans or ScopeSpans message but for resource, scopes and spans.
type cutContext struct {
	bytes []byte
	terms []uint64 // of the scope's attributes
	seen  cutSeen
}

// Bounds of the cache; it is emptied at them.
const (
	maxCached      = 4096
	maxCachedBytes = 8 << 20
)

func newCutCache() cutCache {
	return cutCache{seed: maphash.MakeSeed(), resources: map[uint64]*cutResource{}, contexts: map[string]*cutContext{}}
}

func (c *cutCache) trim() {
	if len(c.resources)+len(c.contexts) > maxCached || c.size > maxCachedBytes {
		clear(c.resources)
		clear(c.contexts)
		c.size = 0
	}
}

// resource checks and knows a Resource message.
func (c *cutCache) resource(b []byte) (*cutResource, error) {
	hash := maphash.Bytes(c.seed, b)
	known, ok := c.resources[hash]
	if ok && bytes.Equal(known.Bytes, b) {
		return known, nil
	}
	parsed, err := parseResource(b)
	if err != nil {
		return nil, err
	}
	known = &cutResource{Resource: Resource{ID: NewResourceID(b), Bytes: bytes.Clone(b)}}
	known.terms = append(appendTerms(nil, parsed.Attributes), TermService(parsed.ServiceName()))
	c.resources[hash] = known
	c.size += len(b) + 8*len(known.terms)
	return known, nil
}

// scope checks and knows the fields of a ScopeSpans message but for its spans.
func (c *cutCache) scope(b []byte) (*cutContext, error) {
	return c.context('s', b, func(known *cutContext) error {
		s, err := parseScope(b)
		if err == nil {
			known.terms = appendTerms(nil, s.Attributes)
		}
		return err
	})
}

// schema checks and knows the fields of a ResourceSpans message but for its resource and its scopes.
func (c *cutCache) schema(b []byte) (*cutContext, error) {
	return c.context('r', b, func(*cutContext) error {
		_, err := parseSchemaURL(b)
		return err
	})
}

func (c *cutCache) context(kind byte, b []byte, parse func(*cutContext) error) (*cutContext, error) {
	c.key = append(append(c.key[:0], kind), b...)
	if known, ok := c.contexts[string(c.key)]; ok {
		return known, nil
	}
	known := &cutContext{bytes: bytes.Clone(b)}
	if err := parse(known); err != nil {
		return nil, err
	}
	c.contexts[string(c.key)] = known
	c.size += 2*len(b) + 8*len(known.terms)
	return known, nil
}
