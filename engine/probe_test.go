package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/taeldb/tael"
)

// While a write probe hangs the store is not ready, and no other probe begins.
func TestAProbeThatHangsIsTheOnlyOne(t *testing.T) {
	e := open(t, testOptions(t))
	if problems := e.Ready(t.Context()); len(problems) > 0 {
		t.Fatal(problems)
	}
	e.probing <- struct{}{} // as one that hangs
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		problems := e.Ready(ctx)
		cancel()
		if len(problems) != 1 || !errors.Is(problems[0], tael.ErrUnavailable) {
			t.Fatalf("problems %v", problems)
		}
	}
	<-e.probing
	if problems := e.Ready(t.Context()); len(problems) > 0 {
		t.Fatal(problems)
	}
}
