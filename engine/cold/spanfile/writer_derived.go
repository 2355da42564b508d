package spanfile

import (
	"github.com/zeebo/xxh3"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// derivedColumns are the columns whose values are made of a row's resource or scope, once per distinct one.
type derivedColumns struct {
	service, json, resourceOTLP        *column
	promoted                           []*column // Field.Resource
	scopeName, scopeVersion, scopeOTLP *column
	resources                          map[resourceKey][]derivedValue
	scopes                             map[*tael.Scope][]derivedValue
	lastResource                       *fragment.ResourceRow
	lastScope                          *tael.Scope
	resourceValues, scopeValues        []derivedValue // of the last ones
	encoded                            []byte
	heldResource                       bool
	heldScope                          bool
	terms                              *termSet // gets those of each new resource and scope of the row group
}

// resourceKey is a resource by its content.
type resourceKey struct {
	id     fragment.ResourceID
	schema string
}

// derivedValue is a column's value and its entry of the column's dictionary in this row group.
type derivedValue struct {
	column *column
	value  []byte
	entry  int32
}

// maxDerived bounds the resources and scopes that are remembered.
const maxDerived = 1 << 13

func (d *derivedColumns) bind(byPath map[string]*column, columns []*column) {
	d.service, d.json, d.resourceOTLP = byPath["service"], byPath["resource"], byPath["resource_otlp"]
	d.scopeName, d.scopeVersion, d.scopeOTLP = byPath["scope_name"], byPath["scope_version"], byPath["scope_otlp"]
	for _, c := range columns {
		if c.Resource != "" {
			d.promoted = append(d.promoted, c)
		}
	}
	d.startGroup()
}

// resource lists the columns with the long values of a resource.
func (d *derivedColumns) resource() []*column { return []*column{d.json, d.resourceOTLP, d.scopeOTLP} }

// startGroup forgets the dictionaries' entries.
func (d *derivedColumns) startGroup() {
	d.resources, d.scopes = map[resourceKey][]derivedValue{}, map[*tael.Scope][]derivedValue{}
	d.heldResource, d.heldScope = false, false
}

// put adds the row's values.
func (d *derivedColumns) put(r *fragment.Row, row int64) {
	if !d.heldResource || r.Resource != d.lastResource {
		d.lastResource, d.resourceValues, d.heldResource = r.Resource, d.ofResource(r), true
	}
	if !d.heldScope || r.Scope != d.lastScope {
		d.lastScope, d.scopeValues, d.heldScope = r.Scope, d.ofScope(r), true
	}
	for _, values := range [...][]derivedValue{d.resourceValues, d.scopeValues} {
		for i := range values {
			v := &values[i]
			v.column.group.value(row)
			if v.entry == noIndex || v.column.encoding != Dictionary {
				v.entry = v.column.putText(v.value)
				continue
			}
			v.column.putIndex(v.entry)
		}
	}
}

func (d *derivedColumns) ofResource(row *fragment.Row) []derivedValue {
	var key resourceKey
	var res *tael.Resource
	if r := row.Resource; r != nil {
		res = &r.Resource
		key = resourceKey{r.ID, r.SchemaURL}
	}
	if key.id == (fragment.ResourceID{}) { // not from ingest
		d.encoded = appendResource(d.encoded[:0], res)
		key.id = xxh3.Hash128(d.encoded).Bytes()
	}
	if v, ok := d.resources[key]; ok {
		return v
	}
	v := []derivedValue{
		{d.service, validText([]byte(res.ServiceName())), noIndex},
		{d.json, nil, noIndex},
		{d.resourceOTLP, appendResource(nil, res), noIndex},
	}
	var attributes []tael.KeyValue
	if res != nil {
		attributes = res.Attributes
	}
	v[1].value = appendJSONObject(nil, attributes)
	for _, c := range d.promoted {
		if a, ok := tael.Lookup(attributes, c.Resource); ok && a.Kind() == tael.KindString {
			v = append(v, derivedValue{c, validText([]byte(a.AsString())), noIndex})
		}
	}
	if len(d.resources) >= maxDerived {
		clear(d.resources)
	}
	d.terms.addResource(row)
	if res != nil { // else a resource without attributes, which has terms, would be taken for this
		d.resources[key] = v
	}
	return v
}

func (d *derivedColumns) ofScope(row *fragment.Row) []derivedValue {
	s := row.Scope
	if v, ok := d.scopes[s]; ok {
		return v
	}
	v := []derivedValue{{d.scopeName, nil, noIndex}, {d.scopeVersion, nil, noIndex}, {d.scopeOTLP, appendScope(nil, s), noIndex}}
	if s != nil {
		v[0].value, v[1].value = validText([]byte(s.Name)), validText([]byte(s.Version))
	}
	if len(d.scopes) >= maxDerived {
		clear(d.scopes)
	}
	d.scopes[s] = v
	d.terms.addScope(row)
	return v
}
