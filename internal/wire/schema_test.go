package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/reusewatch/reusewatch/internal/golden"
	"github.com/reusewatch/reusewatch/internal/listener"
)

const schemaFile = "../../docs/reusewatch-v1.schema.json"

// documents are what reusewatch/v1 writes, by what tells them apart.
func documents() []any { return []any{jsonFrame{}, jsonEvent{}, jsonExplanation{}, jsonBundle{}} }

// TestSchema: docs/reusewatch-v1.schema.json says what is written, field by field, with the
// words of the tables. It only gains fields. UPDATE=1 writes it anew.
func TestSchema(t *testing.T) {
	s := schema{defs: make(map[string]any)}
	var anyOf []object
	for _, d := range documents() {
		anyOf = append(anyOf, s.of(reflect.TypeOf(d)))
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{
"$schema": "https://json-schema.org/draft/2020-12/schema",
"title": "reusewatch/v1: what list, explain, run, the daemon and --evidence-dir write as JSON",
"anyOf": %s,
"$defs": {`, compact(t, anyOf))
	for i, name := range slices.Sorted(maps.Keys(s.defs)) {
		def := s.defs[name].(object)
		fmt.Fprintf(&b, "%s\n%s: {\"type\": \"object\", \"required\": %s, \"properties\": {",
			comma(i), compact(t, name), compact(t, def["required"]))
		fields := def["properties"].(object)
		for i, field := range slices.Sorted(maps.Keys(fields)) {
			fmt.Fprintf(&b, "%s\n  %s: %s", comma(i), compact(t, field), compact(t, fields[field]))
		}
		b.WriteString("}}")
	}
	b.WriteString("}\n}\n")
	golden.Compare(t, "../"+schemaFile, b.String())
}

func comma(i int) string { return strings.Repeat(",", min(i, 1)) }

func compact(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWrittenBySchema: what other tests hold written documents to is as the schema says.
func TestWrittenBySchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{
		"testdata/list.json", "testdata/events.json",
		"../report/testdata/explain.json", "../report/testdata/explain-unknown.json",
	} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		documents := 0
		for d := json.NewDecoder(bytes.NewReader(b)); d.More(); documents++ {
			var v any
			if err := d.Decode(&v); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(v); err != nil {
				t.Errorf("%s: document %d: %v", file, documents, err)
			}
		}
		if documents == 0 {
			t.Errorf("%s has nothing in it: this test shows nothing", file)
		}
	}
}

type object = map[string]any

// schema is made of types, each of which is defined once.
type schema struct{ defs object }

func (s *schema) of(t reflect.Type) object {
	switch {
	case t.Kind() == reflect.Pointer:
		return nullable(s.of(t.Elem()))
	case t == reflect.TypeFor[jsonSigns]():
		return nullable(object{"type": "object", "additionalProperties": nullable(s.of(reflect.TypeFor[jsonSign]()))})
	case t == reflect.TypeFor[stamp]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[seconds]():
		return object{"type": "number"}
	case t == reflect.TypeFor[json.RawMessage]():
		return object{}
	}
	if get, is := t.MethodByName("Get"); is { // a listener.Maybe
		return nullable(s.of(get.Type.Out(0)))
	}
	switch t.Kind() {
	case reflect.Slice:
		return nullable(object{"type": "array", "items": s.of(t.Elem())})
	case reflect.Struct:
		return s.define(t)
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float64:
		return object{"type": "number"}
	default:
		return object{"type": "integer"}
	}
}

func (s *schema) define(t reflect.Type) object {
	name := strings.ToLower(strings.TrimPrefix(t.Name(), "json"))
	if _, known := s.defs[name]; !known {
		s.defs[name] = nil // while it is being made
		fields, required := object{}, []string{}
		s.fields(t, fields, &required)
		s.defs[name] = object{"type": "object", "properties": fields, "required": required}
	}
	return object{"$ref": "#/$defs/" + name}
}

func (s *schema) fields(t reflect.Type, fields object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, tagged := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			inner := f.Type
			optional := inner.Kind() == reflect.Pointer
			if optional {
				inner = inner.Elem()
			}
			var needed []string
			s.fields(inner, fields, &needed)
			if !optional {
				*required = append(*required, needed...)
			}
		case name != "" && name != "-":
			fields[name] = worded(name, s.of(f.Type))
			if !tagged || !strings.HasPrefix(option, "omit") {
				*required = append(*required, name)
			}
		}
	}
}

// nullable is null where something is not known.
func nullable(of object) object {
	if kind, simple := of["type"].(string); simple {
		of["type"] = []string{kind, "null"}
		return of
	}
	return object{"anyOf": []object{of, {"type": "null"}}}
}

// worded names the words of the tables as examples: a later version may have more.
func worded(name string, of object) object {
	var words []string
	switch name {
	case "reason", "reasons":
		for _, row := range listener.Reasons() {
			words = append(words, string(row.Reason))
		}
	case "cause":
		for _, row := range listener.Causes() {
			words = append(words, string(row.Cause))
		}
	case "class":
		for _, row := range listener.Classes() {
			words = append(words, string(row.Class))
		}
	case "signs":
		for _, row := range listener.Signs() {
			words = append(words, string(row.Sign))
		}
	}
	if words != nil {
		of["description"] = "one or more of: " + strings.Join(words, ", ") + "; a later version may have others"
	}
	return of
}
