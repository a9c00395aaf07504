"""Sentences of the own expectations in Data Docs."""

from typing import Any, ClassVar

from great_expectations.expectations.expectation import _style_row_condition, render_suite_parameter_string
from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer
from great_expectations.render.renderer_configuration import RendererConfiguration, RendererValueType
from great_expectations.render.util import num_to_str, parse_row_condition_string


class Described:
    """Base of expectations whose sentence in Data Docs is a template of their arguments, with tolerance and severity.

    The diagnostic renderers are Great Expectations' own: they show the observed value, or the share of unexpected rows.
    """

    template: ClassVar[str]
    """The sentence after the column's name; `$argument` stands for the value of an argument."""

    @classmethod
    def _prescriptive_template(cls, renderer_configuration: RendererConfiguration) -> RendererConfiguration:
        sentence, values = _sentence(cls.template, _arguments(cls, renderer_configuration.kwargs))
        for name, value in values.items():
            renderer_configuration.add_param(name=name, param_type=RendererValueType.STRING, value=value)
        renderer_configuration.template_str = sentence
        return renderer_configuration

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)  # type: ignore[untyped-decorator]
    @render_suite_parameter_string  # type: ignore[untyped-decorator]
    def _prescriptive_renderer(
        cls, configuration: Any = None, result: Any = None, runtime_configuration: Any = None, **kwargs: Any
    ) -> list[RenderedStringTemplateContent]:
        configuration = configuration or result.expectation_config
        options = runtime_configuration or {}
        arguments = _arguments(cls, configuration.kwargs) | {"severity": configuration.severity}
        sentence, values = _sentence(cls.template, arguments, options.get("include_column_name") is not False)
        styling = options.get("styling")
        if arguments.get("row_condition") is not None:
            condition = parse_row_condition_string(arguments["row_condition"])
            sentence, styling = _style_row_condition(condition, sentence, values, styling)
        content = {"template": sentence, "params": values, "styling": styling}
        return [RenderedStringTemplateContent(content_block_type="string_template", string_template=content)]


def _arguments(expectation: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of an expectation; a configuration leaves out those that equal their default."""
    return {name: field.default for name, field in expectation.__fields__.items()} | kwargs


def _sentence(template: str, arguments: dict[str, Any], with_columns: bool = True) -> tuple[str, dict[str, str]]:
    """Return a template with the columns before it and the tolerance behind, and the texts of its parameters.

    Args:
        template: The sentence after the columns.
        arguments: The arguments of the expectation.
        with_columns: False where Data Docs have the name of a single column above the sentence.
    """
    values = {name: _text(value) for name, value in arguments.items() if f"${name}" in template}
    column = arguments.get("column")
    columns = column if column and with_columns else None if column else arguments.get("column_list")
    if columns:
        template, values["columns"] = f"$columns {template}", _text(columns)
    mostly = arguments.get("mostly")
    if isinstance(mostly, int | float) and mostly < 1:
        template, values["mostly_pct"] = (
            f"{template}, at least $mostly_pct % of the time",
            num_to_str(mostly * 100, no_scientific=True),
        )
    severity = arguments.get("severity")
    if severity:
        template, values["severity"] = f"{template} ($severity)", str(getattr(severity, "value", severity))
    return f"{template}.", values


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
