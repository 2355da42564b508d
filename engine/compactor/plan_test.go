package compactor

import (
	"reflect"
	"testing"
	"time"
)

func TestPlan(t *testing.T) {
	o := DefaultOptions()
	now := time.Unix(1_700_000_000, 0)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		name string
		s    State
		want []Job
	}{
		{"nothing", State{Maintained: now}, nil},
		{"never maintained", State{}, []Job{{Kind: JobMaintain}}},
		{"maintained a while ago", State{Maintained: ago(o.MaintainEvery)}, []Job{{Kind: JobMaintain}}},
		{"oldest segment first", State{Maintained: now, Sealed: []uint64{3, 4}}, []Job{{JobFlush, 3}, {JobFlush, 4}}},
		{"at the watermark is dead", State{Maintained: now, Sealed: []uint64{3, 4, 5}, Watermark: 4},
			[]Job{{JobRetire, 3}, {JobRetire, 4}, {JobFlush, 5}}},
		{"all at once", State{Sealed: []uint64{7, 8}, Watermark: 7},
			[]Job{{JobRetire, 7}, {Kind: JobMaintain}, {JobFlush, 8}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.s.Now = now
			if got := Plan(c.s, o); !reflect.DeepEqual(got, c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestOptionsValidateListsEveryProblem(t *testing.T) {
	if err := DefaultOptions().Validate(); err != nil {
		t.Fatal(err)
	}
	err := Options{Retention: time.Hour, Share: 2, MaxColdBytes: -1}.Validate()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 6 {
		t.Fatalf("want 6 problems, got %v", err)
	}
}
