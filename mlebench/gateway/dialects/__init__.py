"""The four dialects that agents speak to models; requests and answers are cleaned and measured in them, not translated."""
