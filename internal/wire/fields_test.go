package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/golden"
)

// TestJSON: each field that is written, by its path and kind. The schema only gains fields.
func TestJSON(t *testing.T) {
	b := shapes{seen: make(map[reflect.Type]string)}
	for _, v := range []any{jsonFrame{}, jsonEvent{}, jsonExplanation{}, jsonBundle{}} {
		b.add(strings.TrimPrefix(reflect.TypeOf(v).Name(), "json"), reflect.TypeOf(v))
	}
	golden.Compare(t, "json.txt", b.String())
}

// shapes writes a line for each field of a document, and the fields of what occurs again once.
type shapes struct {
	strings.Builder
	seen map[reflect.Type]string // where they are
}

func (b *shapes) add(path string, of reflect.Type) {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if inner, is := of.MethodByName("Get"); is { // a listener.Maybe
		b.add(path+"?", inner.Type.Out(0))
		return
	}
	written := of.Implements(reflect.TypeFor[json.Marshaler]()) && of.Kind() != reflect.Slice
	switch {
	case of.Kind() == reflect.Slice:
		b.add(path+"[]", of.Elem())
	case of.Kind() != reflect.Struct || written:
		fmt.Fprintf(b, "%s %s\n", path, of.Name())
	case b.seen[of] != "":
		fmt.Fprintf(b, "%s as %s\n", path, b.seen[of])
	default:
		b.seen[of] = path
		for i := range of.NumField() {
			f := of.Field(i)
			if name := f.Tag.Get("json"); name != "" && name != "-" {
				b.add(path+"."+name, f.Type)
			} else if f.Anonymous {
				b.add(path, f.Type)
			}
		}
	}
}
