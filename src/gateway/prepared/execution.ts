// One execution of a prepared statement: what a shard gets that executes the statement itself, and the statement with the
// values in its text for everything else. Either is made when it is asked for; most executions need one of them.

import { COM } from "../../mysql/constants.ts";
import { encodeExecute, type ExecuteParameters, wrongArguments } from "../../mysql/packets/stmt-execute.ts";
import type { Normalized } from "../../sql/normalize.ts";
import { filled, type Template } from "../../sql/parameters.ts";
import type { StatementCommand } from "../client/com-query.ts";
import type { ShownDefinitions } from "./binary-rows.ts";
import { limitLiteral, parameterLiteral, typedLiteral } from "./parameter-literals.ts";

/** The statement as it is run where a server prints too few digits of its FLOAT columns. */
export interface ExactRead {
  readonly template: Template;
  readonly definitions: ShownDefinitions;
}

export interface Execution extends StatementCommand {
  /** The statement with its parameter markers. */
  readonly text: Buffer;
  /** COM_STMT_EXECUTE with all types and values. */
  readonly command: Buffer;
  /** What is run in place of the payload where the answer is made from text; undefined: the payload. */
  readonly exact: { readonly payload: Buffer; readonly definitions: ShownDefinitions } | undefined;
}

export interface ExecutionOf {
  readonly text: Buffer;
  readonly template: Template;
  readonly exact: ExactRead | undefined;
  readonly parameters: ExecuteParameters;
  readonly noBackslashEscapes: boolean;
  readonly normalized: Normalized | undefined;
}

/** With its values, which share the memory of the client's packet. */
export class ClientExecution implements Execution {
  readonly #of: ExecutionOf;
  #payload: Buffer | undefined;

  constructor(of: ExecutionOf) {
    this.#of = of;
  }

  get text(): Buffer {
    return this.#of.text;
  }

  get normalized(): Normalized | undefined {
    return this.#of.normalized;
  }

  /** Throws ER_WRONG_ARGUMENTS for values that cannot be read. */
  get payload(): Buffer {
    this.#payload ??= this.#textWith(this.#of.template);
    return this.#payload;
  }

  get command(): Buffer {
    return encodeExecute(this.#of.parameters);
  }

  get exact(): Execution["exact"] {
    const { exact } = this.#of;
    return exact && { payload: this.#textWith(exact.template), definitions: exact.definitions };
  }

  #textWith(template: Template): Buffer {
    try {
      const { parameters, noBackslashEscapes } = this.#of;
      return filled(template, literalsOf(template, parameters, noBackslashEscapes, true), COM.QUERY);
    } catch (error) {
      throw wrongArguments(error, "mysqld_stmt_execute");
    }
  }
}

/**
 * The values as SQL text, a space on both sides of each: as servers are to have them if `keepsTypes`, else as they route.
 * Those of a select list have their types always. Throws ER_MALFORMED_PACKET for what cannot be read.
 */
export function literalsOf(
  { limits, shown }: Template,
  { types, values }: ExecuteParameters,
  noBackslashEscapes: boolean,
  keepsTypes: boolean,
): readonly Buffer[] {
  return values.map((value, index) => {
    const type = types[index] ?? 0;
    if (limits.has(index)) return limitLiteral(type, value);
    const literal = keepsTypes || shown.has(index) ? typedLiteral : parameterLiteral;
    return literal(type, value, noBackslashEscapes);
  });
}
