package spanfile

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// The inverse of otlp.go: resource, scope and values out of the OTLP messages that the columns hold. Fields that OTLP does not have
// are an error: the writer writes none.
var errOTLP = errors.New("an OTLP message is not readable")

// message calls field with every field of a message: the bytes of one that has a length, else the number.
func message(b []byte, field func(num protowire.Number, bytes []byte, number uint64) error) error {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errOTLP
		}
		b = b[n:]
		var bytes []byte
		var number uint64
		switch kind {
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(b)
			if bytes == nil {
				bytes = b[:0]
			}
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			number, n = protowire.ConsumeFixed64(b)
		default:
			return errOTLP
		}
		if n < 0 {
			return errOTLP
		}
		b = b[n:]
		if err := field(num, bytes, number); err != nil {
			return err
		}
	}
	return nil
}

// parseResource reads what appendResource wrote.
func parseResource(b []byte) (*tael.Resource, error) {
	r := &tael.Resource{}
	return r, message(b, func(num protowire.Number, b []byte, _ uint64) error {
		switch num {
		case otlpResource:
			return message(b, func(num protowire.Number, b []byte, n uint64) (err error) {
				switch num {
				case otlpResourceAttributes:
					r.Attributes, err = parseKeyValue(r.Attributes, b)
				case otlpResourceDropped:
					r.Dropped = uint32(n)
				default:
					err = errOTLP
				}
				return err
			})
		case otlpResourceSchema:
			r.SchemaURL = string(b)
			return nil
		}
		return errOTLP
	})
}

// parseScope reads what appendScope wrote.
func parseScope(b []byte) (*tael.Scope, error) {
	s := &tael.Scope{}
	return s, message(b, func(num protowire.Number, b []byte, _ uint64) error {
		switch num {
		case otlpScope:
			return message(b, func(num protowire.Number, b []byte, n uint64) (err error) {
				switch num {
				case otlpScopeName:
					s.Name = string(b)
				case otlpScopeVersion:
					s.Version = string(b)
				case otlpScopeAttributes:
					s.Attributes, err = parseKeyValue(s.Attributes, b)
				case otlpScopeDropped:
					s.Dropped = uint32(n)
				default:
					err = errOTLP
				}
				return err
			})
		case otlpScopeSchema:
			s.SchemaURL = string(b)
			return nil
		}
		return errOTLP
	})
}

func parseKeyValue(dst []tael.KeyValue, b []byte) ([]tael.KeyValue, error) {
	var kv tael.KeyValue
	err := message(b, func(num protowire.Number, b []byte, _ uint64) (err error) {
		switch num {
		case otlpKey:
			kv.Key = string(b)
		case otlpValue:
			kv.Value, err = fragment.ParseValue(b)
		default:
			err = errOTLP
		}
		return err
	})
	return append(dst, kv), err
}

// findAttribute gives the first value under a key of the resource or the scope of a message, whose attributes are the field list of it.
func findAttribute(b []byte, list protowire.Number, key string) (v tael.Value, found bool, err error) {
	err = message(b, func(num protowire.Number, b []byte, _ uint64) error {
		if num != otlpResource { // and otlpScope
			return nil
		}
		return message(b, func(num protowire.Number, b []byte, _ uint64) error {
			if num != list || found {
				return nil
			}
			var value []byte
			err := message(b, func(num protowire.Number, b []byte, _ uint64) error {
				switch num {
				case otlpKey:
					found = string(b) == key
				case otlpValue:
					value = b
				}
				return nil
			})
			if err == nil && found {
				v, err = fragment.ParseValue(value)
			}
			return err
		})
	})
	return v, found, err
}
