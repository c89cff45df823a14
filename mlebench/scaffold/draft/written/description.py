def description_source(draft, raw, *, obfuscated): raise NotImplementedError
def licence_note(draft): raise NotImplementedError
