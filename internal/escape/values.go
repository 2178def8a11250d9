package escape

import "reflect"

// Values copies v with Line applied to every string in it: for a template, which
// prints what it likes.
func Values[T any](v T) T {
	return values(reflect.ValueOf(v)).Interface().(T)
}

func values(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(Line(v.String()))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(values(v.Field(i)))
			}
		}
	case reflect.Slice:
		if !v.IsNil() {
			out = reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				out.Index(i).Set(values(v.Index(i)))
			}
		}
	}
	return out
}
