package fragment

import (
	"fmt"

	"github.com/taeldb/tael"
)

// Decoder walks bodies as rows. It reuses its buffers and remembers resources and scopes: it is used by one goroutine at a time.
type Decoder struct {
	row     Row
	own     []Attr // the row's attributes
	nested  []Attr // those of its events and links
	events  []EventRow
	links   []LinkRow
	context []byte

	resources map[resourceKey]*ResourceRow
	scopes    map[string]knownScope
	last      *ResourceRow
	size      int
}

type resourceKey struct {
	id        ResourceID
	schemaURL string
}

type knownScope struct {
	scope *tael.Scope
	terms []uint64
}

// NewDecoder makes a Decoder.
func NewDecoder() *Decoder {
	return &Decoder{resources: map[resourceKey]*ResourceRow{}, scopes: map[string]knownScope{}}
}

// Rows walks a Fragment's Body and yields its spans in order. It asks resource for the bytes of a Resource message that the Decoder does not
// know yet. An error of resource or yield ends the walk and is returned as it is; an error of the body is a tael.ErrDamaged. The row
// and what it points at are good until yield returns, but for Row.Resource and Row.Scope. Row.Sequence is zero unless yield sets it.
func (d *Decoder) Rows(body []byte, resource func(ResourceID) ([]byte, error), yield func(*Row) error) error {
	d.own, d.nested, d.events, d.links = kept(d.own), kept(d.nested), kept(d.events), kept(d.links)
	for i := 0; i < len(body); {
		var id ResourceID
		if len(body)-i < len(id) {
			return damaged(i, errWire)
		}
		i += copy(id[:], body[i:])
		from, to := lengthOf(body, i)
		if to < 0 {
			return damaged(i, errWire)
		}
		if err := d.group(id, body[from:to], from, resource, yield); err != nil {
			return err
		}
		i = to
	}
	return nil
}

func damaged(at int, err error) error {
	return fmt.Errorf("fragment body at byte %d: %w: %w", at, tael.ErrDamaged, err)
}

func (d *Decoder) group(id ResourceID, b []byte, offset int, resource func(ResourceID) ([]byte, error), yield func(*Row) error) error {
	// What belongs to the whole group may stand after its spans.
	d.context = d.context[:0]
	for i := 0; i < len(b); {
		tag, _, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return damaged(offset+i, errWire)
		}
		if tag != tagGroupScopeSpans {
			d.context = append(d.context, b[i:next]...)
		}
		i = next
	}
	r, err := d.resource(id, d.context, resource)
	if err != nil {
		return err
	}
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		next = rest(b, next, tag)
		if tag == tagGroupScopeSpans {
			if err := d.scopeSpans(content, offset+next-len(content), r, yield); err != nil {
				return err
			}
		}
		i = next
	}
	return nil
}

func (d *Decoder) scopeSpans(b []byte, offset int, resource *ResourceRow, yield func(*Row) error) error {
	d.context = d.context[:0]
	for i := 0; i < len(b); {
		tag, _, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return damaged(offset+i, errWire)
		}
		if tag != tagScopeSpansSpan {
			d.context = append(d.context, b[i:next]...)
		}
		i = next
	}
	known, err := d.scope(d.context)
	if err != nil {
		return damaged(offset, err)
	}
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		next = rest(b, next, tag)
		if tag == tagScopeSpansSpan {
			d.row = Row{Resource: resource, Scope: known.scope, scopeTerms: known.terms}
			if err := d.span(content); err != nil {
				return damaged(offset+i, err)
			}
			if err := yield(&d.row); err != nil {
				return err
			}
		}
		i = next
	}
	return nil
}

// resource knows a resource with the schema URL of its group.
func (d *Decoder) resource(id ResourceID, context []byte, bytes func(ResourceID) ([]byte, error)) (*ResourceRow, error) {
	var url []byte
	if len(context) > 0 {
		var err error
		if url, err = parseSchemaURL(context); err != nil {
			return nil, damaged(0, err)
		}
	}
	if r := d.last; r != nil && r.ID == id && r.SchemaURL == string(url) {
		return r, nil
	}
	if r, ok := d.resources[resourceKey{id, string(url)}]; ok {
		d.last = r
		return r, nil
	}
	b, err := bytes(id)
	if err != nil {
		return nil, err
	}
	r := &ResourceRow{ID: id}
	if r.Resource, err = parseResource(b); err != nil {
		return nil, fmt.Errorf("resource %x: %w: %w", id, tael.ErrDamaged, err)
	}
	r.SchemaURL = string(url)
	r.Service = r.ServiceName()
	r.terms = append(appendTerms(nil, r.Attributes), TermService(r.Service))
	d.make(len(b) + 8*len(r.terms))
	d.resources[resourceKey{id, r.SchemaURL}] = r
	d.last = r
	return r, nil
}

// scope knows the fields of a ScopeSpans message but for its spans.
func (d *Decoder) scope(b []byte) (knownScope, error) {
	if known, ok := d.scopes[string(b)]; ok {
		return known, nil
	}
	s, err := parseScope(b)
	if err != nil {
		return knownScope{}, err
	}
	known := knownScope{scope: s, terms: appendTerms([]uint64{}, s.Attributes)}
	d.make(2 * len(b))
	d.scopes[string(b)] = known
	return known, nil
}

// make makes room for what takes n bytes.
func (d *Decoder) make(n int) {
	if len(d.resources)+len(d.scopes) >= maxCached || d.size+n > maxCachedBytes {
		clear(d.resources)
		clear(d.scopes)
		d.size = 0
	}
	d.size += n
}
