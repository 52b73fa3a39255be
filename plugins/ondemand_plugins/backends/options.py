# SPDX-License-Identifier: MIT
"""A backend's own options, as a release definition sets them. Pure."""

from __future__ import annotations

from typing import TypeVar

import pydantic

from ondemand import errors, plugins

Model = TypeVar("Model", bound=pydantic.BaseModel)


def read(model: type[Model], draft: plugins.Draft, backend: str) -> Model:
    """The draft's options as `model`; raises errors.InvalidRequest for those that it does not know."""
    try:
        return model.model_validate(dict(draft.options))
    except pydantic.ValidationError as error:
        raise errors.InvalidRequest(
            f"The options of backend {backend} can't be used",
            cause="; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()),
            remedy="correct them in the release definition",
        ) from error
