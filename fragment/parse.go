package fragment

import (
	"bytes"

	"github.com/taeldb/tael"
)

// parseResource decodes a Resource message, which may be several in a row.
func parseResource(b []byte) (tael.Resource, error) {
	var r tael.Resource
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return r, errWire
		}
		switch tag {
		case tagResourceAttribute:
			kv, err := parsePair(content)
			if err != nil {
				return r, err
			}
			r.Attributes = append(r.Attributes, kv)
		case tagResourceDropped:
			var n uint64
			n, next = uvarint(b, next)
			r.Dropped = uint32(n)
		case tagResourceEntity:
			if err := checkEntity(content); err != nil {
				return r, err
			}
		default:
			next = rest(b, next, tag)
		}
		if next < 0 {
			return r, errWire
		}
		i = next
	}
	return r, nil
}

// checkEntity tells whether an EntityRef message can be decoded: all of its fields, 1 to 4, are strings.
func checkEntity(b []byte) error {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		if tag&7 == 2 && tag>>3 <= 4 && !validText(content) {
			return errUTF8
		}
		i = next
	}
	return nil
}

// parseScope decodes the fields of a ScopeSpans message but for its spans.
func parseScope(b []byte) (*tael.Scope, error) {
	s := &tael.Scope{}
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return nil, errWire
		}
		switch tag {
		case tagScopeSpansScope:
			if err := mergeScope(s, content); err != nil {
				return nil, err
			}
		case tagScopeSpansSchemaURL:
			if !validText(content) {
				return nil, errUTF8
			}
			s.SchemaURL = string(content)
		default:
			next = rest(b, next, tag)
		}
		if next < 0 {
			return nil, errWire
		}
		i = next
	}
	return s, nil
}

// mergeScope decodes an InstrumentationScope message into s.
func mergeScope(s *tael.Scope, b []byte) error {
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next < 0 {
			return errWire
		}
		switch tag {
		case tagScopeName, tagScopeVersion:
			if !validText(content) {
				return errUTF8
			}
			if tag == tagScopeName {
				s.Name = string(content)
			} else {
				s.Version = string(content)
			}
		case tagScopeAttribute:
			kv, err := parsePair(content)
			if err != nil {
				return err
			}
			s.Attributes = append(s.Attributes, kv)
		case tagScopeDropped:
			var n uint64
			n, next = uvarint(b, next)
			s.Dropped = uint32(n)
		default:
			next = rest(b, next, tag)
		}
		if next < 0 {
			return errWire
		}
		i = next
	}
	return nil
}

// parseSchemaURL decodes the schema URL among the fields of a ResourceSpans message but for its resource and its scopes.
func parseSchemaURL(b []byte) ([]byte, error) {
	var url []byte
	for i := 0; i < len(b); {
		tag, content, next := field(b, i)
		if next >= 0 {
			next = rest(b, next, tag)
		}
		if next < 0 {
			return nil, errWire
		}
		if tag == tagGroupSchemaURL {
			if !validText(content) {
				return nil, errUTF8
			}
			url = content
		}
		i = next
	}
	return bytes.Clone(url), nil
}
