"""Conditions on results: `total.total < 1000000 and rows(new) > 0`. Pure, bounded, and never `eval`.

| written | is |
|---|---|
| `total.total` | the column `total` of the first row of the question `total`; null where it has no row |
| `total` | the same where the result has one column; of other agents a headline number (`open_tickets`) |
| `rows(new)`, `rows` | how many rows a question has, or all questions together; `any rows(new)`, `any rows` |
| `changed` | something is different from the last successful run with the same parameters |
| `failed` | the run did not succeed |
| `params.region` | a parameter of the run; secrets cannot be asked for |
| `12`, `1.5`, `"EU"`, `true`, `false`, `null` | values |
| `+ - * / %`, `abs(x)`, `min(a, b)`, `max(a, b)` | arithmetic on numbers |
| `< <= > >= == !=`, `contains`, `and or not`, `( )` | what it is all about; dates compare as ISO texts |

A number is a yes where it is not 0. What cannot be told (a text compared with a number, a null with `<`, a
column that is not there) is an error and never a silent no.
"""

from core.conditions.known import Known, mistake
from core.conditions.reading import asks_for_change
from core.conditions.telling import Results, Table, holds, slug

__all__ = ["Known", "Results", "Table", "asks_for_change", "holds", "mistake", "slug"]
