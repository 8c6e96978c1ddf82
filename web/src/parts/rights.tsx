/** Who looks, so that only what they may do is offered; the server checks anyway. */
import { createContext, useContext } from 'react'
import { reaches } from '../../../src/core/control/user.ts'
import type { Me, Role } from '../api/types.ts'

export const MeContext = createContext<Me | undefined>(undefined)

export function useMe(): Me {
  const me = useContext(MeContext)
  if (me === undefined) throw new Error('nobody is signed in')
  return me
}

export const useMay = (needed: Role): boolean => reaches(useMe().role, needed)
