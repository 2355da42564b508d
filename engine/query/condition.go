package query

import (
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// A pattern remembers the verdicts of so many strings, none longer than so many bytes.
const (
	maxRemembered     = 4096
	maxRememberedText = 256
)

// condition is an attribute condition over the five columns of its key.
type condition struct {
	match  tael.AttributeMatch
	absent bool // what a row without the key gives
	other  bool // what bytes, arrays, maps and empty values give
	text   func(string) bool
}

func newCondition(m tael.AttributeMatch) condition {
	c := condition{match: m, absent: m.Matches(tael.Value{}, false), other: m.Matches(tael.Value{}, true), text: m.MatchesString}
	if m.Op == tael.MatchRegexp {
		// A pattern costs a hundred times a look-up, and the values of an attribute repeat.
		seen := map[string]bool{}
		c.text = func(s string) bool {
			holds, ok := seen[s]
			if !ok {
				holds = m.MatchesString(s)
				if len(seen) < maxRemembered && len(s) <= maxRememberedText {
					seen[strings.Clone(s)] = holds // s belongs to the batch
				}
			}
			return holds
		}
	}
	return c
}

// attribute narrows by a condition. At most one of the forms of a key is not null in a row.
func (f *filter) attribute(c *columns, sel []int32, cond *condition) ([]int32, error) {
	var forms attributeForms
	if err := forms.bind(c.batch, cond.match.Key); err != nil {
		return nil, err
	}
	var verdicts []verdict
	if forms.text.dict != nil {
		verdicts = f.words(forms.text.words.Len())
	}
	kept := sel[:0]
	for _, i := range sel {
		n := int(i)
		var holds bool
		switch {
		case forms.hasText && forms.text.plain != nil && forms.text.plain.IsValid(n):
			holds = cond.text(forms.text.plain.Value(n))
		case forms.hasText && forms.text.dict != nil && forms.text.dict.IsValid(n):
			holds = verdictOf(verdicts, forms.text, i, cond.text)
		case forms.ints != nil && forms.ints.IsValid(n):
			holds = cond.match.MatchesInt(forms.ints.Value(n))
		case forms.doubles != nil && forms.doubles.IsValid(n):
			holds = cond.match.MatchesDouble(forms.doubles.Value(n))
		case forms.bools != nil && forms.bools.IsValid(n):
			holds = cond.match.MatchesBool(forms.bools.Value(n))
		case forms.others != nil && forms.others.IsValid(n):
			holds = cond.other
		default:
			holds = cond.absent
		}
		if holds {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

// attributeForms are the columns of one key; those without a value in the batch are nil.
type attributeForms struct {
	text    texts
	hasText bool
	ints    *array.Int64
	doubles *array.Float64
	bools   *array.Boolean
	others  *array.Boolean
}

func (a *attributeForms) bind(b arrow.RecordBatch, key string) (err error) {
	if a.text, err = textsOf(b, fragment.AttributeColumn(key, fragment.FormString)); err != nil {
		return err
	}
	if a.text.plain != nil {
		a.hasText = a.text.plain.NullN() < a.text.plain.Len()
	} else {
		a.hasText = a.text.dict.NullN() < a.text.dict.Len()
	}
	if a.ints, err = formOf[*array.Int64](b, key, fragment.FormInt); err != nil {
		return err
	}
	if a.doubles, err = formOf[*array.Float64](b, key, fragment.FormDouble); err != nil {
		return err
	}
	if a.bools, err = formOf[*array.Boolean](b, key, fragment.FormBool); err != nil {
		return err
	}
	a.others, err = formOf[*array.Boolean](b, key, fragment.FormOther)
	return err
}

// formOf finds a column of a key, nil when no row of the batch has a value of the form.
func formOf[T arrow.Array](b arrow.RecordBatch, key, form string) (T, error) {
	var none T
	col, err := columnOf[T](b, fragment.AttributeColumn(key, form))
	if err != nil || col.NullN() == col.Len() {
		return none, err
	}
	return col, nil
}
