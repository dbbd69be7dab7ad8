/** Fields of declarations that may be left out. */
import { Effect, Schema } from "effect"

/** An optional key with a default, which the JSON Schema shows. `value` is what a person would have written. */
export const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  (schema.annotate({ default: value } as never) as S).pipe(
    Schema.withDecodingDefaultKey<S>(Effect.succeed(value) as never),
  )
